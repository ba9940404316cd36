import type { Client, ClientWatchEvent, CollectionReference, ObjectReference } from '../../client/client.ts';
import { AmphoraError } from '../../lib/errors.ts';

interface Stored {
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    deletionTimestamp?: string;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

/** Just enough of the API for the agent's tests: objects by path, merge patches, one stream of changes. */
export class MemoryApi {
  readonly objects = new Map<string, Stored>();
  readonly patches: string[] = [];
  readonly #watchers = new Set<
    (path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored) => void
  >();

  put(path: string, object: object): void {
    // Tests put only whole objects here.
    const stored = structuredClone(object) as Stored;
    const type = this.objects.has(path) ? 'MODIFIED' : 'ADDED';
    this.objects.set(path, stored);
    for (const watcher of this.#watchers) watcher(path, type, stored);
  }

  remove(path: string): void {
    const object = this.objects.get(path);
    this.objects.delete(path);
    if (object !== undefined) for (const watcher of this.#watchers) watcher(path, 'DELETED', object);
  }

  pod(name: string): Stored | undefined {
    return this.objects.get(`pods/default/${name}`);
  }

  client(): Client {
    // The generics of the port are the caller's promise about what it put there.
    return {
      get: async (reference: ObjectReference) => this.#get(reference),
      list: async (collection: CollectionReference) => ({
        items: this.#below(collection),
        metadata: { resourceVersion: '1' },
      }),
      watch: (collection: CollectionReference, _query: unknown, { signal }: { signal: AbortSignal }) =>
        this.#watch(collection, signal),
      create: async (collection: CollectionReference, object: object) => this.#create(collection, object),
      update: async (reference: ObjectReference, object: object) => this.#write(reference, object),
      patch: async (reference: ObjectReference, patch: { body: unknown }) =>
        this.#patch(reference, patch.body),
      delete: async (reference: ObjectReference) => this.remove(pathOf(reference)),
      close: async () => {},
    } as unknown as Client;
  }

  #get(reference: ObjectReference): Stored {
    const found = this.objects.get(pathOf(reference));
    if (found === undefined) throw new AmphoraError('NotFound', `${pathOf(reference)} not found`);
    return structuredClone(found);
  }

  #below(collection: CollectionReference): Stored[] {
    return [...this.objects]
      .filter(([path]) => path.startsWith(`${collection.resource}/`))
      .map(([, object]) => structuredClone(object));
  }

  #create(collection: CollectionReference, object: object): Stored {
    const stored = object as Stored;
    const path = pathOf({ ...collection, name: stored.metadata.name });
    if (this.objects.has(path)) throw new AmphoraError('AlreadyExists', `${path} exists`);
    this.put(path, object);
    return stored;
  }

  #write(reference: ObjectReference, object: object): Stored {
    this.put(pathOf(reference), object);
    return object as Stored;
  }

  #patch(reference: ObjectReference, body: unknown): Stored {
    const merged = merge(this.#get(reference), body) as Stored;
    this.patches.push(`${pathOf(reference)}/${reference.subresource ?? ''}`);
    return this.#write(reference, merged);
  }

  async *#watch(
    collection: CollectionReference,
    signal: AbortSignal,
  ): AsyncGenerator<ClientWatchEvent<Stored>> {
    const queue: ClientWatchEvent<Stored>[] = [];
    let wake = Promise.withResolvers<void>();
    const watcher = (path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Stored) => {
      if (!path.startsWith(`${collection.resource}/`)) return;
      queue.push({ type, object: structuredClone(object) });
      wake.resolve();
    };
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => wake.resolve(), { once: true });
    try {
      while (!signal.aborted) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

function pathOf(reference: CollectionReference & { name?: string }): string {
  return `${reference.resource}/${reference.namespace ?? ''}/${reference.name ?? ''}`;
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (key === 'conditions' && Array.isArray(value)) {
      const types = new Set(value.map((one: { type: string }) => one.type));
      const kept = Array.isArray(result[key])
        ? result[key].filter((one: { type: string }) => !types.has(one.type))
        : [];
      result[key] = [...kept, ...value];
    } else result[key] = merge(result[key], value);
  }
  return result;
}
