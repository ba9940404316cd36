import type { LiveListener, LiveObjects, LiveView } from '../access/live.ts';
import { type ApiObject, type Kind, qualifiedResource } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { platformContext } from './platform-context.ts';
import type { Registry, WatchEvent } from './registry.ts';

const READER = { name: 'system:amphora:live', uid: '', groups: [], extra: {} };

export interface LiveOptions {
  /** Asked for when something is read: what reads live objects is itself a part of the registry. */
  readonly registry: () => Registry;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A {@link LiveView} that follows what was asked for, and nothing else. */
export interface FollowedView extends LiveView {
  /** What was asked for so far is there when this resolves. */
  load(signal: AbortSignal): Promise<void>;
  /** Follows until the signal aborts what was asked for, and what is asked for from now on. */
  follow(signal: AbortSignal): Promise<void>;
}

export function createLiveView(options: LiveOptions): FollowedView {
  const followed = new Map<string, Followed>();
  let started: ((one: Followed) => void) | undefined;
  return {
    of: (resource) => {
      const known = followed.get(resource);
      if (known !== undefined) return known;
      const made = new Followed(resource, options);
      followed.set(resource, made);
      started?.(made);
      return made;
    },
    load: async (signal) => {
      await Promise.all([...followed.values()].map((one) => one.load(signal)));
    },
    follow: async (signal) => {
      const running: Promise<void>[] = [];
      started = (one) => void running.push(one.follow(signal));
      for (const one of followed.values()) started(one);
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await Promise.all(running);
    },
  };
}

/** List, then watch; from the start again when the watch is lost. */
class Followed implements LiveObjects {
  readonly loaded: Promise<void>;
  readonly #resource: string;
  readonly #options: LiveOptions;
  readonly #objects = new Map<string, Readonly<ApiObject>>();
  readonly #listeners: LiveListener[] = [];
  readonly #setLoaded: () => void;
  #version = 0;
  /** Where a watch goes on; undefined when it must begin with a list. */
  #revision: string | undefined;

  constructor(resource: string, options: LiveOptions) {
    this.#resource = resource;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.loaded = promise;
    this.#setLoaded = resolve;
  }

  get version(): number {
    return this.#version;
  }

  values(): Iterable<Readonly<ApiObject>> {
    return this.#objects.values();
  }

  get(namespace: string, name: string): Readonly<ApiObject> | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  listen(listener: LiveListener): void {
    this.#listeners.push(listener);
    for (const object of this.#objects.values()) listener(object, false);
  }

  async load(signal: AbortSignal): Promise<void> {
    const kind = this.#kind();
    const target = { kind, namespace: '' };
    const found = await this.#options.registry().list(platformContext(READER, signal), target, {});
    const objects = found.items.map((item) => item.object());
    const names = new Set(objects.map(nameOf));
    for (const [name, object] of this.#objects) if (!names.has(name)) this.#drop(object);
    for (const object of objects) this.#put(object);
    this.#revision = found.resourceVersion;
    this.#setLoaded();
  }

  async follow(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    while (!signal.aborted) {
      try {
        if (this.#revision === undefined) await this.load(signal);
        await this.#watch(signal);
      } catch (error) {
        this.#revision = undefined;
        if (signal.aborted) return;
        // A resource that is not served (yet) is nothing to report: a policy may name a kind before its CRD comes.
        const level = error instanceof UnknownResource ? 'debug' : 'warn';
        log[level]({ error, resource: this.#resource }, 'objects are read again');
        await clock.sleep(LIMITS.informerRetryFirstMs, signal).catch(() => {});
      }
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const target = { kind: this.#kind(), namespace: '' };
    const options = {
      resourceVersion: this.#revision ?? '',
      allowWatchBookmarks: false,
      // In the turn of the commit: whoever was told that a write is done finds it here.
      offer: (event: WatchEvent) => {
        this.#take(event);
        return true;
      },
    };
    const events = this.#options.registry().watch(platformContext(READER, signal), target, options);
    for await (const event of events) this.#take(event);
  }

  #take(event: WatchEvent): void {
    if (event.type === 'BOOKMARK') return;
    const object = event.object.object();
    this.#revision = object.metadata.resourceVersion;
    if (event.type === 'DELETED') this.#drop(object);
    else this.#put(object);
  }

  #put(object: Readonly<ApiObject>): void {
    const name = nameOf(object);
    const known = this.#objects.get(name)?.metadata;
    if (known !== undefined && known.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(name, object);
    this.#tell(object, false);
  }

  #drop(object: Readonly<ApiObject>): void {
    if (this.#objects.delete(nameOf(object))) this.#tell(object, true);
  }

  #tell(object: Readonly<ApiObject>, gone: boolean): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener(object, gone);
  }

  #kind(): Kind {
    const kinds = this.#options.registry().kinds.all();
    const kind = kinds.find((one) => qualifiedResource(one) === this.#resource && isStored(one));
    if (kind === undefined) throw new UnknownResource(this.#resource);
    return kind;
  }
}

class UnknownResource extends AmphoraError {
  constructor(resource: string) {
    super('NotFound', `this server has no ${resource}`);
  }
}

function isStored({ version, storageVersion, storageGroup }: Kind): boolean {
  return version === storageVersion && storageGroup === undefined;
}

function nameOf({ metadata }: Readonly<ApiObject>): string {
  return keyOf(metadata.namespace ?? '', metadata.name);
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
