import type { StoredObject } from './store.ts';

/** A whole store as it was at one revision, while others may go on writing to it. */
export interface StoreSnapshot extends AsyncDisposable {
  /** `lmdb`, `etcd`, `backup` */
  readonly source: string;
  /** Of the store when it was taken: no object's is above it. */
  readonly revision: number;
  readonly count: number;
  /** Revision of the object that was changed last; 0 for a backup, which does not change. */
  readonly newestObject: number;
  /** In order of revision, and of key within one. May be asked for again. @throws Corrupt when what is read is not whole */
  objects(signal: AbortSignal): AsyncIterable<StoredObject>;
}

/** Told now and then during long work: how much is done of how much. */
export type Report = (done: number, of: number) => void;

/** How many objects pass between two reports. */
export const REPORT_EVERY = 500;

/** Passes objects on, and reports. */
export async function* reported(
  objects: AsyncIterable<StoredObject>,
  count: number,
  report: Report,
): AsyncGenerator<StoredObject> {
  let done = 0;
  for await (const object of objects) {
    yield object;
    done += 1;
    if (done % REPORT_EVERY === 0) report(done, count);
  }
  report(done, count);
}

/**
 * New revisions in the order of the old ones, all above a floor: nothing that was ever given out is given out again, so
 * that a client that comes back lists again and whoever changes what it read before meets a conflict.
 */
export class Renumbering {
  #old = 0;
  #next: number;

  constructor(floor: number) {
    this.#next = floor;
  }

  /** @param old not below the one before @throws RangeError */
  of(old: number): number {
    if (old < this.#old) throw new RangeError(`revision ${old} comes after ${this.#old}`);
    if (old > this.#old) this.#next += 1;
    this.#old = old;
    return this.#next;
  }

  /** The last one given out, or the floor. */
  get newest(): number {
    return this.#next;
  }
}
