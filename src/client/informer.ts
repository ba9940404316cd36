import type { ApiObject, ObjectMeta } from '../api/kind.ts';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Client, CollectionReference } from './client.ts';
import { InformerCache } from './informer-cache.ts';

export interface InformerOptions<T> {
  readonly clock: Clock;
  readonly log: Logger;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Values under which an object is found with {@link Informer.byIndex}, by index name. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
}

/** A cache that follows a collection. What it hands out is shared: copy before changing. */
export interface Informer<T> {
  /** By `namespace/name`, or `name` for what is not namespaced. */
  get(key: string): T | undefined;
  list(namespace?: string): readonly T[];
  byIndex(index: string, value: string): readonly T[];
  /** Tells the key of everything that comes, changes or goes. Returns what ends it. */
  onChange(handler: (key: string) => void): () => void;
  /** Whether the first list is in. */
  synced(): boolean;
  whenSynced(signal: AbortSignal): Promise<void>;
  /** Lists and watches until the signal aborts; failures are tried again with a back-off. */
  run(signal: AbortSignal): Promise<void>;
}

/** `namespace/name`, or `name` for what is not namespaced. */
export function keyOf(object: {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}): string {
  const { name = '', namespace = '' } = object.metadata ?? {};
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function createInformer<T extends object = ApiObject>(
  client: Client,
  collection: CollectionReference,
  options: InformerOptions<T>,
): Informer<T> {
  return new ListWatch(client, collection, options);
}

class ListWatch<T extends object> implements Informer<T> {
  readonly #client: Client;
  readonly #collection: CollectionReference;
  readonly #options: InformerOptions<T>;
  readonly #cache: InformerCache<T>;
  readonly #handlers = new Set<(key: string) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #failures = 0;

  constructor(client: Client, collection: CollectionReference, options: InformerOptions<T>) {
    this.#client = client;
    this.#collection = collection;
    this.#options = options;
    this.#cache = new InformerCache(options.indexes ?? {});
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(namespace?: string): readonly T[] {
    return this.#cache.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value);
  }

  onChange(handler: (key: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  synced(): boolean {
    return this.#isSynced;
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    if (this.#isSynced) return;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const revision = await this.#relist(signal);
        await this.#follow(revision, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(error, signal);
      }
    }
  }

  /** Reads everything; tells the keys of what differs from what was known. @returns the list's revision */
  async #relist(signal: AbortSignal): Promise<string> {
    const fresh = new Map<string, T>();
    let token: string | undefined;
    let revision = '';
    do {
      const query = {
        ...this.#query(),
        limit: LIMITS.informerPageObjects,
        ...(token === undefined ? {} : { continue: token }),
      };
      const page = await this.#client.list<T>(this.#collection, query, { signal });
      for (const object of page.items) fresh.set(keyOf(object), object);
      revision = page.metadata.resourceVersion;
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (token !== undefined);
    const changed = this.#cache.replace(fresh);
    this.#isSynced = true;
    this.#synced.resolve();
    for (const key of changed) this.#tell(key);
    return revision;
  }

  /** Watches from a revision, again and again as the server ends watches, until one fails. */
  async #follow(from: string, signal: AbortSignal): Promise<void> {
    let revision = from;
    while (!signal.aborted) {
      const query = { ...this.#query(), resourceVersion: revision };
      let events = 0;
      for await (const event of this.#client.watch<T>(this.#collection, query, { signal })) {
        events++;
        this.#failures = 0;
        if (event.type === 'BOOKMARK') {
          revision = event.resourceVersion;
          continue;
        }
        const key = keyOf(event.object);
        if (event.type === 'DELETED') this.#cache.delete(key);
        else this.#cache.set(key, event.object);
        revision = metaOf(event.object)?.resourceVersion ?? revision;
        this.#tell(key);
      }
      // A server that ends each watch at once is not to be asked in a loop without a pause.
      if (events === 0) await this.#options.clock.sleep(LIMITS.informerRetryFirstMs, signal);
    }
  }

  #tell(key: string): void {
    for (const handler of this.#handlers) handler(key);
  }

  #query(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.#options;
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const { resource } = this.#collection;
    if (isCode(error, 'Expired', 'Gone')) log.debug({ resource }, 'the revision is gone: listing again');
    else log.warn({ resource, err: AmphoraError.from(error) }, 'list or watch failed: trying again');
    const longest = Math.min(
      LIMITS.informerRetryFirstMs * 2 ** this.#failures,
      LIMITS.informerRetryLongestMs,
    );
    this.#failures++;
    await clock.sleep(longest * (0.5 + Math.random() / 2), signal).catch(() => {}); // Aborted: run() sees it.
  }
}

function metaOf(object: object): ObjectMeta | undefined {
  return 'metadata' in object ? (object.metadata as ObjectMeta) : undefined; // What the API sends has metadata.
}
