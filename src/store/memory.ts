import { LIMITS } from '../lib/limits.ts';
import { checkExpected, expired } from './conflict.ts';
import { Fanout } from './fanout.ts';
import { boundsOf, lowerBound, textOf } from './order.ts';
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
} from './store.ts';

/** A store that forgets everything when its process ends: for tests, embedding and simulation. */
export function createMemoryStore(): Store {
  return new MemoryStore();
}

class MemoryStore implements Store {
  readonly #objects = new Map<string, StoredObject>();
  /** Keys in order; sorted again when a range is asked for after one was added. */
  #keys: string[] = [];
  #sorted = true;
  /** In order of revision; what is older than `#compacted` is gone. */
  #history: StoreEvent[] = [];
  readonly #fanout = new Fanout(1);
  #revision = 1;
  #compacted = 0;

  async revision(): Promise<number> {
    return this.#revision;
  }

  async get(key: StoreKey, { revision }: ReadOptions): Promise<StoredObject | undefined> {
    const text = textOf(key);
    if (revision === undefined || revision >= this.#revision) return this.#objects.get(text);
    this.#checkHeld(revision);
    const change = this.#history.find((event) => event.revision > revision && textOf(event.key) === text);
    return change === undefined ? this.#objects.get(text) : before(change, this.#history);
  }

  async list(range: StoreRange, options: ReadOptions): Promise<StoredPage> {
    const revision = options.revision ?? this.#revision;
    const all = revision >= this.#revision ? this.#range(range) : this.#rangeAt(range, revision);
    const limit = range.limit ?? all.length;
    return {
      items: all.slice(0, limit),
      revision: Math.min(revision, this.#revision),
      more: all.length > limit,
      remaining: Math.max(0, all.length - limit),
    };
  }

  async commit(changes: readonly Change[]): Promise<Committed> {
    for (const change of changes) checkExpected(change, this.#objects.get(textOf(change.key))?.revision ?? 0);
    const revision = this.#revision + 1;
    const events = changes.flatMap((change) => this.#apply(change, revision));
    this.#revision = revision;
    this.#history.push(...events);
    if (this.#history.length > LIMITS.historyRevisions)
      this.#forget(this.#history[this.#history.length >> 1]?.revision ?? 0);
    this.#fanout.publish({ revision, events });
    return { revision };
  }

  watch(range: WatchRange, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return this.#fanout.watch(range, {
      from: fromRevision,
      signal,
      past: (wanted, from, to) => {
        this.#checkHeld(from);
        return this.#history.filter(
          ({ key, revision }) =>
            revision > from &&
            revision <= to &&
            key.resource === wanted.resource &&
            (wanted.namespace === undefined || wanted.namespace === key.namespace),
        );
      },
    });
  }

  async compact(revision: number): Promise<void> {
    this.#forget(Math.min(revision, this.#revision));
  }

  async close(): Promise<void> {
    this.#fanout.close();
  }

  #apply({ key, bytes }: Change, revision: number): StoreEvent[] {
    const text = textOf(key);
    const previous = this.#objects.get(text)?.bytes;
    if (bytes === undefined) {
      if (previous === undefined) return [];
      this.#objects.delete(text);
      this.#keys.splice(lowerBound(this.#ordered(), text), 1);
      return [{ type: 'delete', key, revision, bytes: previous, previous }];
    }
    if (previous === undefined) {
      this.#sorted &&= text > (this.#keys.at(-1) ?? '');
      this.#keys.push(text);
    }
    this.#objects.set(text, { key, bytes, revision });
    return [{ type: 'put', key, revision, bytes, ...(previous === undefined ? {} : { previous }) }];
  }

  #ordered(): readonly string[] {
    if (!this.#sorted) this.#keys.sort();
    this.#sorted = true;
    return this.#keys;
  }

  #range(range: StoreRange): StoredObject[] {
    const keys = this.#ordered();
    const { from, to } = boundsOf(range);
    const found = keys.slice(lowerBound(keys, from), lowerBound(keys, to));
    return found.flatMap((text) => this.#objects.get(text) ?? []);
  }

  /** Today's objects, with every change since undone. */
  #rangeAt(range: StoreRange, revision: number): StoredObject[] {
    this.#checkHeld(revision);
    const { from, to } = boundsOf(range);
    const found = new Map(this.#range(range).map((object) => [textOf(object.key), object]));
    for (const event of this.#history.filter((one) => one.revision > revision).reverse()) {
      const text = textOf(event.key);
      if (text < from || text >= to) continue;
      const was = before(event, this.#history);
      if (was === undefined) found.delete(text);
      else found.set(text, was);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  #checkHeld(revision: number): void {
    if (revision < this.#compacted) throw expired(revision, this.#compacted);
  }

  #forget(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    this.#history = this.#history.filter((event) => event.revision > revision);
  }
}

/** The object as it was before a change. Its revision is that of the change before, or unknown (1) once that is forgotten. */
function before(change: StoreEvent, history: readonly StoreEvent[]): StoredObject | undefined {
  if (change.previous === undefined) return undefined;
  const text = textOf(change.key);
  const earlier = history.findLast((event) => event.revision < change.revision && textOf(event.key) === text);
  return { key: change.key, bytes: change.previous, revision: earlier?.revision ?? 1 };
}
