import { LIMITS } from '../lib/limits.ts';
import { checkExpected, checkSizes, expired } from './conflict.ts';
import { Fanout, isIn } from './fanout.ts';
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
  WatchReader,
} from './store.ts';

/** A store that forgets everything when its process ends: for tests, embedding and simulation. */
export function createMemoryStore(): Store {
  return new MemoryStore();
}

interface Past {
  readonly event: StoreEvent;
  /** The object before. */
  readonly was?: StoredObject;
}

class MemoryStore implements Store {
  readonly #objects = new Map<string, StoredObject>();
  /** Keys in order; sorted again when a range is asked for after one was added. */
  #keys: string[] = [];
  #sorted = true;
  /** In order of revision; what is older than `#compacted` is gone. */
  #history: Past[] = [];
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
    const change = this.#history.find(({ event }) => event.revision > revision && textOf(event.key) === text);
    return change === undefined ? this.#objects.get(text) : change.was;
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
    checkSizes(changes);
    for (const change of changes) checkExpected(change, this.#objects.get(textOf(change.key))?.revision ?? 0);
    const revision = this.#revision + 1;
    const made = changes.flatMap((change) => this.#apply(change, revision));
    this.#revision = revision;
    this.#history.push(...made);
    if (this.#history.length > LIMITS.historyRevisions)
      this.#forget(this.#history[this.#history.length >> 1]?.event.revision ?? 0);
    this.#fanout.publish({ revision, events: made.map(({ event }) => event) });
    return { revision };
  }

  watch(range: WatchRange, fromRevision: number, reader: WatchReader): AsyncIterable<WatchBatch> {
    return this.#fanout.watch(range, {
      from: fromRevision,
      reader,
      past: (wanted, from, to) => {
        this.#checkHeld(from);
        return this.#history
          .map(({ event }) => event)
          .filter((event) => event.revision > from && event.revision <= to && isIn(wanted, event));
      },
    });
  }

  async compact(revision: number): Promise<void> {
    this.#forget(Math.min(revision, this.#revision));
  }

  async close(): Promise<void> {
    this.#fanout.close();
  }

  #apply({ key, bytes }: Change, revision: number): Past[] {
    const text = textOf(key);
    const was = this.#objects.get(text);
    if (bytes === undefined) {
      if (was === undefined) return [];
      const previous = was.bytes;
      this.#objects.delete(text);
      this.#keys.splice(lowerBound(this.#ordered(), text), 1);
      return [{ event: { type: 'delete', key, revision, bytes: previous, previous }, was }];
    }
    if (was === undefined) {
      this.#sorted &&= text > (this.#keys.at(-1) ?? '');
      this.#keys.push(text);
    }
    this.#objects.set(text, { key, bytes, revision });
    if (was === undefined) return [{ event: { type: 'put', key, revision, bytes } }];
    return [{ event: { type: 'put', key, revision, bytes, previous: was.bytes }, was }];
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
    for (const { event, was } of this.#history.filter((past) => past.event.revision > revision).reverse()) {
      const text = textOf(event.key);
      if (text < from || text >= to) continue;
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
    this.#history = this.#history.filter(({ event }) => event.revision > revision);
  }
}
