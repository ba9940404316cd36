import type { ApiObject } from '../api/kind.ts';
import type { Client, CollectionReference } from './client.ts';
import { InformerCache } from './informer-cache.ts';
import { type ListWatchOptions, listAndWatch, type Sink } from './list-watch.ts';

export interface InformerOptions<T> extends ListWatchOptions {
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
export function keyOf(object: object): string {
  // What the API sends has metadata.
  const { metadata = {} } = object as {
    readonly metadata?: { readonly name?: string; readonly namespace?: string };
  };
  const { name = '', namespace = '' } = metadata;
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function createInformer<T extends object = ApiObject>(
  client: Client,
  collection: CollectionReference,
  options: InformerOptions<T>,
): Informer<T> {
  return new CollectionInformer(client, collection, options);
}

class CollectionInformer<T extends object> implements Informer<T> {
  readonly #client: Client;
  readonly #collection: CollectionReference;
  readonly #options: InformerOptions<T>;
  readonly #cache: InformerCache<T>;
  readonly #handlers = new Set<(key: string) => void>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;

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
    await unlessAborted(this.#synced.promise, signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    let fresh = new Map<string, T>();
    const sink: Sink<T> = {
      begin: () => {
        fresh = new Map();
      },
      listed: (objects) => {
        for (const object of objects) fresh.set(keyOf(object), object);
      },
      end: () => this.#replace(fresh),
      set: (object) => {
        const key = keyOf(object);
        this.#cache.set(key, object);
        this.#tell(key);
      },
      delete: (object) => {
        const key = keyOf(object);
        this.#cache.delete(key);
        this.#tell(key);
      },
    };
    await listAndWatch<T>(this.#client, this.#collection, { ...this.#options, sink, signal });
  }

  /** Tells the keys of what differs from what was known. */
  #replace(fresh: ReadonlyMap<string, T>): void {
    const changed = this.#cache.replace(fresh);
    this.#isSynced = true;
    this.#synced.resolve();
    for (const key of changed) this.#tell(key);
  }

  #tell(key: string): void {
    for (const handler of this.#handlers) handler(key);
  }
}

/** @throws the signal's reason when it aborts first */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
