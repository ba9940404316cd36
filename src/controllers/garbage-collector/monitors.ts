import {
  apiVersionOf,
  type Kind,
  type KindTable,
  type ObjectMeta,
  qualifiedResource,
} from '../../api/kind.ts';
import { kindsOnce } from '../../api/kinds-once.ts';
import type { Client } from '../../client/client.ts';
import { unlessAborted } from '../../client/informer.ts';
import { type ListWatchOptions, listAndWatch, type Sink } from '../../client/list-watch.ts';
import type { NodeKind, OwnerGraph } from './graph.ts';

/** What owns nobody and comes in numbers: upstream does not follow these either. */
const IGNORED: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io']);

interface Monitor {
  readonly kind: NodeKind;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  synced: boolean;
}

/** Follows the metadata of every kind that can be deleted, also of those that come while it runs. */
export class Monitors {
  readonly #client: Client;
  readonly #kinds: KindTable;
  readonly #graph: OwnerGraph;
  readonly #options: ListWatchOptions;
  readonly #monitors = new Map<string, Monitor>();
  #synced = Promise.withResolvers<void>();

  constructor(
    client: Client,
    parts: { readonly kinds: KindTable; readonly graph: OwnerGraph; readonly options: ListWatchOptions },
  ) {
    this.#client = client;
    this.#kinds = parts.kinds;
    this.#graph = parts.graph;
    this.#options = parts.options;
  }

  /** Resolves when every kind of now was listed: until then a missing dependent proves nothing. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    while (!this.#isSynced()) await unlessAborted(this.#synced.promise, signal);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    let changed = false;
    const unsubscribe = this.#kinds.onChange(() => {
      if (changed) return;
      changed = true;
      // The versions of one kind change one after the other: looked at when all have.
      queueMicrotask(() => {
        changed = false;
        if (signal.aborted) return;
        this.#adapt();
        this.#graph.checkVirtual();
      });
    });
    signal.addEventListener('abort', () => stopped.resolve(), { once: true });
    this.#adapt();
    if (!signal.aborted) await stopped.promise;
    unsubscribe();
    const monitors = [...this.#monitors.values()];
    for (const { stop } of monitors) stop.abort();
    await Promise.all(monitors.map(({ done }) => done));
  }

  /** Starts to follow what came and stops for what went. */
  #adapt(): void {
    const wanted = new Map(
      kindsOnce(this.#kinds)
        .filter(isFollowed)
        .map((kind) => [qualifiedResource(kind), kind]),
    );
    for (const [resource, { kind, stop }] of this.#monitors) {
      const served = wanted.has(resource) && this.#kinds.byKind(kind.apiVersion, kind.kind) !== undefined;
      if (served) continue;
      stop.abort();
      this.#monitors.delete(resource);
      this.#graph.forget(kind);
    }
    for (const [resource, kind] of wanted)
      if (!this.#monitors.has(resource)) this.#monitors.set(resource, this.#start(kind));
    this.#tellSynced();
  }

  #start({ kind, namespaced, resource, ...rest }: Kind): Monitor {
    const apiVersion = apiVersionOf(rest);
    const stop = new AbortController();
    const node: NodeKind = { apiVersion, kind, namespaced };
    let there = new Set<string>();
    const set = ({ metadata }: Partial) => this.#graph.set(node, metadata);
    const sink: Sink<Partial> = {
      begin: () => {
        there = new Set();
      },
      listed: (objects) => {
        for (const object of objects) {
          there.add(object.metadata.uid ?? '');
          set(object);
        }
      },
      end: () => {
        this.#graph.retain(node, there);
        there = new Set();
        monitor.synced = true;
        this.#tellSynced();
      },
      set,
      delete: ({ metadata }) => this.#graph.delete(metadata.uid ?? ''),
    };
    const options = { ...this.#options, metadataOnly: true, sink, signal: stop.signal };
    const done = listAndWatch<Partial>(this.#client, { apiVersion, resource }, options);
    const monitor: Monitor = { kind: node, stop, done, synced: false };
    return monitor;
  }

  #isSynced(): boolean {
    return this.#monitors.size > 0 && [...this.#monitors.values()].every(({ synced }) => synced);
  }

  #tellSynced(): void {
    if (!this.#isSynced()) return;
    this.#synced.resolve();
    this.#synced = Promise.withResolvers();
  }
}

interface Partial {
  readonly metadata: ObjectMeta;
}

function isFollowed(kind: Kind): boolean {
  return (
    (['list', 'watch', 'delete'] as const).every((verb) => kind.verbs.includes(verb)) &&
    !IGNORED.has(qualifiedResource(kind))
  );
}
