import { chmod, mkdir } from 'node:fs/promises';
import { LIMITS } from '../lib/limits.ts';
import { checkSizes, expired } from './conflict.ts';
import { Fanout, isIn } from './fanout.ts';
import {
  decodeEvent,
  decodeNumber,
  decodeObject,
  encodeNumber,
  eventKey,
  keyOfObject,
  metaKey,
  objectKey,
  objectRange,
  revisionOfEvent,
} from './layout.ts';
import { type Database, databaseError, openDatabase, type StoreFiles } from './lmdb/database.ts';
import { lockDirectory } from './lmdb/directory-lock.ts';
import { Writer } from './lmdb/writer.ts';
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

/** How many events one transaction of a compaction removes: short, so that commits do not wait for it. */
const COMPACT_STEP = 1000;

/** How many past events are read at once for a watch. */
const PAST_STEP = 500;

const LAST_INDEX = 0xffff_ffff;

/**
 * The store of one machine, in LMDB files of its own. A commit resolves when it is flushed to the disk.
 * @throws Unavailable when another process has it open; HostLacks for files of a newer format.
 */
export async function openLmdbStore(directory: string): Promise<Store> {
  await using undo = new AsyncDisposableStack();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  undo.use(await lockDirectory(directory));
  const database = await openDatabase(directory);
  undo.defer(() => database.close());
  return new LmdbStore({ database, directory }, undo.move());
}

type Event = ReturnType<typeof decodeEvent>;

class LmdbStore implements Store {
  readonly #database: Database;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  readonly #fanout: Fanout;
  readonly #writer: Writer;
  #compacted: number;
  #compacting: Promise<void> | undefined;

  constructor(files: StoreFiles, resources: AsyncDisposableStack) {
    const { database, directory } = files;
    this.#database = database;
    this.#directory = directory;
    this.#resources = resources;
    const revision = decodeNumber(database.get(metaKey('revision'))) || 1;
    this.#compacted = decodeNumber(database.get(metaKey('compacted')));
    this.#fanout = new Fanout(revision);
    this.#writer = new Writer(files, revision, (commit) => this.#fanout.publish(commit));
  }

  async revision(): Promise<number> {
    return this.#fanout.revision;
  }

  async get(key: StoreKey, { revision }: ReadOptions): Promise<StoredObject | undefined> {
    if (revision !== undefined && revision < this.#fanout.revision) {
      const { namespace, name, resource } = key;
      const page = this.#pageAt({ resource, namespace }, revision, undefined);
      return page.find((object) => object.key.name === name);
    }
    const value = this.#database.get(objectKey(key));
    return value === undefined ? undefined : { key, ...decodeObject(value) };
  }

  async list(range: StoreRange, options: ReadOptions): Promise<StoredPage> {
    const newest = decodeNumber(this.#database.get(metaKey('revision'))) || 1;
    const revision = Math.min(options.revision ?? newest, newest);
    // One more than asked for tells whether there is more; everything here is one turn, and so one snapshot.
    const wanted = range.limit === undefined ? undefined : range.limit + 1;
    const found = revision < newest ? this.#pageAt(range, revision, wanted) : this.#page(range, wanted);
    const items = range.limit === undefined ? found : found.slice(0, range.limit);
    const more = found.length > items.length;
    const last = items.at(-1)?.key;
    const remaining =
      more && last !== undefined && revision === newest ? this.#count({ ...range, after: last }) : undefined;
    return { items, revision, more, ...(remaining === undefined ? {} : { remaining }) };
  }

  async commit(changes: readonly Change[], signal: AbortSignal): Promise<Committed> {
    signal.throwIfAborted();
    checkSizes(changes);
    const revision = await this.#writer.commit(changes);
    if (revision - this.#compacted > 2 * LIMITS.historyRevisions)
      this.#compactLater(revision - LIMITS.historyRevisions);
    return { revision };
  }

  watch(range: WatchRange, fromRevision: number, reader: WatchReader): AsyncIterable<WatchBatch> {
    return this.#fanout.watch(range, {
      from: fromRevision,
      reader,
      past: (wanted, from, to) => this.#past(wanted, from, to),
    });
  }

  async compact(revision: number): Promise<void> {
    const upTo = Math.min(revision, this.#fanout.revision);
    if (upTo <= this.#compacted) return;
    this.#compacted = upTo;
    try {
      await this.#database.put(metaKey('compacted'), encodeNumber(upTo));
      for (let removed = COMPACT_STEP; removed === COMPACT_STEP; ) removed = await this.#removeEvents(upTo);
    } catch (error) {
      throw await databaseError(error, this.#directory);
    }
  }

  async close(): Promise<void> {
    this.#fanout.close();
    await this.#writer.idle();
    await this.#compacting;
    await this.#resources.disposeAsync();
  }

  #compactLater(revision: number): void {
    // A compaction that fails is tried again after the next commit; until then the history is only longer.
    this.#compacting ??= this.compact(revision)
      .catch(() => {})
      .finally(() => {
        this.#compacting = undefined;
      });
  }

  async #removeEvents(upTo: number): Promise<number> {
    const keys = [
      ...this.#database.getKeys({ start: eventKey(0, 0), end: eventKey(upTo + 1, 0), limit: COMPACT_STEP }),
    ];
    await this.#database.transaction(() => {
      for (const key of keys) void this.#database.remove(key);
    });
    return keys.length;
  }

  /** Some at a time, each from a snapshot of its own: a reader that stays would keep LMDB from reusing pages. */
  async *#past(range: WatchRange, from: number, to: number): AsyncGenerator<StoreEvent> {
    let start = eventKey(from + 1, 0);
    const end = eventKey(to, LAST_INDEX);
    for (let reached = from; ; ) {
      if (reached < this.#compacted) throw expired(reached, this.#compacted);
      const entries = [...this.#database.getRange({ start, end, limit: PAST_STEP })];
      const last = entries.at(-1)?.key;
      if (last === undefined) return;
      for (const { key, value } of entries) {
        const event = decodeEvent(revisionOfEvent(key), value);
        if (isIn(range, event)) yield event;
      }
      // The rest of the last revision may be in the next step.
      reached = revisionOfEvent(last) - 1;
      start = Buffer.concat([last, Buffer.of(0)]);
    }
  }

  #page(range: StoreRange, limit: number | undefined): StoredObject[] {
    const { start, end } = objectRange(range);
    const entries = this.#database.getRange({ start, end, ...(limit === undefined ? {} : { limit }) });
    return [...entries].map(({ key, value }) => ({ key: keyOfObject(key), ...decodeObject(value) }));
  }

  #count(range: StoreRange): number {
    const { start, end } = objectRange(range);
    return this.#database.getKeysCount({ start, end });
  }

  /**
   * Today's objects, with every change since undone: what is read is the changes, and no more objects than are wanted,
   * so that the pages of a list that others write beside cost as much as those of a quiet one.
   */
  #pageAt(range: StoreRange, revision: number, wanted: number | undefined): StoredObject[] {
    if (revision < this.#compacted) throw expired(revision, this.#compacted);
    const { start, end } = objectRange(range);
    const undone = this.#undone({ start, end }, revision);
    const back = [...undone].filter(([, was]) => was !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
    const found: StoredObject[] = [];
    let next = 0;
    const take = (before: string | undefined) => {
      for (; next < back.length && found.length !== wanted; next++) {
        const [text, was] = back[next] ?? [];
        if (text === undefined || was === undefined || (before !== undefined && text >= before)) return;
        found.push(was);
      }
    };
    for (const { key, value } of this.#database.getRange({ start, end })) {
      const text = key.toString();
      take(text);
      if (found.length === wanted) return found;
      if (!undone.has(text)) found.push({ key: keyOfObject(key), ...decodeObject(value) });
    }
    take(undefined);
    return found;
  }

  /** What changed in a range since a revision, by key: as it was then; undefined for what was not there. */
  #undone(
    { start, end }: { readonly start: Buffer; readonly end: Buffer },
    revision: number,
  ): Map<string, StoredObject | undefined> {
    const undone = new Map<string, StoredObject | undefined>();
    for (const event of this.#eventsAfter(revision)) {
      const key = objectKey(event.key);
      const text = key.toString();
      // What an object was then, the first change since tells.
      if (key.compare(start) < 0 || key.compare(end) >= 0 || undone.has(text)) continue;
      const { previous, previousRevision } = event;
      const was = previous && { key: event.key, bytes: previous, revision: previousRevision };
      undone.set(text, was);
    }
    return undone;
  }

  *#eventsAfter(revision: number): Generator<Event> {
    const range = { start: eventKey(revision + 1, 0), end: eventKey(Number.MAX_SAFE_INTEGER, LAST_INDEX) };
    for (const { key, value } of this.#database.getRange(range))
      yield decodeEvent(revisionOfEvent(key), value);
  }
}
