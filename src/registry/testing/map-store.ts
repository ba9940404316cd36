import { AmphoraError } from '../../lib/errors.ts';
import type {
  Change,
  Committed,
  ReadOptions,
  Store,
  StoredObject,
  StoredPage,
  StoreEvent,
  StoreKey,
  StoreRange,
  WatchBatch,
  WatchRange,
} from '../../store/store.ts';

/** The smallest store that the registry's tests need: a map per revision's log, no compaction. */
export class MapStore implements Store {
  readonly #events: StoreEvent[] = [];
  #waiting: Array<() => void> = [];
  #revision = 1;

  async revision(): Promise<number> {
    return this.#revision;
  }

  async get(key: StoreKey, options: ReadOptions): Promise<StoredObject | undefined> {
    return this.#at(options.revision ?? this.#revision).get(textOf(key));
  }

  async list(range: StoreRange, options: ReadOptions): Promise<StoredPage> {
    const revision = options.revision ?? this.#revision;
    const after = range.after === undefined ? '' : `${range.after.namespace}/${range.after.name}`;
    const all = [...this.#at(revision).values()]
      .filter(({ key }) => inRange(key, range) && `${key.namespace}/${key.name}` > after)
      .sort((a, b) => (textOf(a.key) < textOf(b.key) ? -1 : 1));
    const items = all.slice(0, range.limit);
    return { items, revision, more: all.length > items.length, remaining: all.length - items.length };
  }

  async commit(changes: readonly Change[]): Promise<Committed> {
    const now = this.#at(this.#revision);
    for (const { key, expected } of changes) {
      if (expected !== undefined && (now.get(textOf(key))?.revision ?? 0) !== expected)
        throw new AmphoraError('Conflict', `${key.name} is at another revision`);
    }
    const revision = ++this.#revision;
    for (const { key, bytes } of changes) {
      const previous = now.get(textOf(key))?.bytes;
      const type = bytes === undefined ? 'delete' : 'put';
      const event = { type, key, revision, bytes: bytes ?? previous ?? Buffer.alloc(0) } as const;
      this.#events.push(previous === undefined ? event : { ...event, previous });
    }
    for (const wake of this.#waiting.splice(0)) wake();
    return { revision };
  }

  async *watch(range: WatchRange, fromRevision: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    let seen = fromRevision;
    while (!signal.aborted) {
      const events = this.#events.filter((event) => event.revision > seen && inRange(event.key, range));
      seen = this.#revision;
      yield { events, revision: seen };
      if (this.#revision > seen) continue;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async compact(): Promise<void> {}

  async close(): Promise<void> {}

  #at(revision: number): Map<string, StoredObject> {
    const state = new Map<string, StoredObject>();
    for (const event of this.#events) {
      if (event.revision > revision) break;
      if (event.type === 'delete') state.delete(textOf(event.key));
      else state.set(textOf(event.key), { key: event.key, bytes: event.bytes, revision: event.revision });
    }
    return state;
  }
}

function textOf({ resource, namespace, name }: StoreKey): string {
  return `${resource}/${namespace}/${name}`;
}

function inRange(key: StoreKey, range: WatchRange): boolean {
  return (
    key.resource === range.resource && (range.namespace === undefined || key.namespace === range.namespace)
  );
}
