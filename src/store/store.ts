/**
 * The revision log, as a port. Drivers: `memory`, `lmdb`, `etcd`; each passes `test/conformance/store.ts`.
 *
 * Revisions are positive safe integers, grow over the whole store, may have gaps, and one revision may carry
 * several changes. An object is its bytes: the store never parses them.
 */
export interface Store {
  /** Newest revision readers can see; what it names is on the disk. */
  revision(signal: AbortSignal): Promise<number>;
  get(key: StoreKey, options: ReadOptions): Promise<StoredObject | undefined>;
  /** In order of (namespace, name). @throws Expired when `revision` is compacted away. */
  list(range: StoreRange, options: ReadOptions): Promise<StoredPage>;
  /**
   * All of the changes or none, as the next revision; resolves when that is flushed to the disk.
   * @throws Conflict when an expectation does not hold; OutOfSpace; TooLarge.
   */
  commit(changes: readonly Change[], signal: AbortSignal): Promise<Committed>;
  /**
   * Every change after `fromRevision`, in order, first what is past and then what comes, until the signal aborts.
   * @throws Expired when `fromRevision` is compacted away, or when the reader is too slow and must list again.
   */
  watch(range: WatchRange, fromRevision: number, reader: WatchReader): AsyncIterable<WatchBatch>;
  /** Forgets what was before `revision`: lists at older ones and watches from further back are Expired; current values stay. */
  compact(revision: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface StoreKey {
  /** Plural and group: `pods`, `deployments.apps`. */
  readonly resource: string;
  /** Empty for what is not namespaced. */
  readonly namespace: string;
  readonly name: string;
}

export interface StoredObject {
  readonly key: StoreKey;
  readonly bytes: Buffer;
  /** Of its last change. */
  readonly revision: number;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** As of this revision; the newest if left out. @throws Expired */
  readonly revision?: number;
}

export interface StoreRange {
  readonly resource: string;
  /** Left out: all namespaces. */
  readonly namespace?: string;
  /** Of this name only; counts where a namespace (empty for what has none) stands beside it. */
  readonly name?: string;
  /** Exclusive; where the page before ended. */
  readonly after?: { readonly namespace: string; readonly name: string };
  readonly limit?: number;
}

export interface StoredPage {
  readonly items: readonly StoredObject[];
  /** At which the page is exact; the next page is read at the same one. */
  readonly revision: number;
  readonly more: boolean;
  /** How many come after this page, where the driver knows cheaply. */
  readonly remaining?: number;
}

export interface Change {
  readonly key: StoreKey;
  /** Left out: delete. */
  readonly bytes?: Buffer;
  /** The object's revision that this change was made from; 0: it must not exist; left out: whatever it is. */
  readonly expected?: number;
}

export interface Committed {
  readonly revision: number;
}

export interface WatchRange {
  readonly resource: string;
  readonly namespace?: string;
  /** Of this name only: who watches one object costs nothing when others change. */
  readonly name?: string;
}

export interface WatchReader {
  readonly signal: AbortSignal;
  /**
   * Takes a batch at once, in the turn of its commit, while the reader waits for the next one: that saves a thousand
   * watchers a dozen promises each. False: not now; it comes by iteration then. May not throw.
   */
  offer?(batch: WatchBatch): boolean;
}

/** What came at once; a batch without events only says how far the watch has got (a bookmark). */
export interface WatchBatch {
  readonly events: readonly StoreEvent[];
  /** Everything up to here has been delivered. */
  readonly revision: number;
}

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly key: StoreKey;
  readonly revision: number;
  /** The new bytes; for a delete the last ones. */
  readonly bytes: Buffer;
  /** The bytes before, absent when it was created: whether a selector matched before decides what a watcher is told. */
  readonly previous?: Buffer;
}
