import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { checkExpected } from '../conflict.ts';
import type { Commit } from '../fanout.ts';
import {
  decodeNumber,
  decodeObject,
  encodeEvent,
  encodeNumber,
  encodeObject,
  eventKey,
  metaKey,
  objectKey,
} from '../layout.ts';
import type { Change, StoreEvent } from '../store.ts';
import { type Database, databaseError, type StoreFiles } from './database.ts';

interface Waiting {
  readonly changes: readonly Change[];
  readonly done: PromiseWithResolvers<number>;
}

/**
 * The one place where change is serialized. While one group of commits is being flushed the next gathers, and goes
 * into one transaction with one flush: group commit.
 */
export class Writer {
  readonly #database: Database;
  readonly #directory: string;
  readonly #publish: (commit: Commit) => void;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #revision: number;

  /** @param publish told of each revision, in order, once it is on the disk and before its commit resolves */
  constructor({ database, directory }: StoreFiles, revision: number, publish: (commit: Commit) => void) {
    this.#database = database;
    this.#directory = directory;
    this.#revision = revision;
    this.#publish = publish;
  }

  /** Resolves with the revision when it is flushed. */
  commit(changes: readonly Change[]): Promise<number> {
    const done = Promise.withResolvers<number>();
    this.#waiting.push({ changes, done });
    this.#running ??= this.#run();
    return done.promise;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // What is committed in the same turn shares the first flush too.
    while (this.#waiting.length > 0) await this.#flush(this.#waiting.splice(0, LIMITS.groupCommits));
    this.#running = undefined;
  }

  async #flush(group: readonly Waiting[]): Promise<void> {
    const written: { readonly waiting: Waiting; readonly commit: Commit }[] = [];
    let revision = this.#revision;
    try {
      await this.#database.transaction(() => {
        this.#checkAlone();
        for (const waiting of group) {
          try {
            const events = this.#apply(waiting.changes, revision + 1);
            revision += 1;
            written.push({ waiting, commit: { revision, events } });
          } catch (error) {
            waiting.done.reject(error);
          }
        }
        if (written.length > 0) void this.#database.put(metaKey('revision'), encodeNumber(revision));
      });
    } catch (error) {
      const reason = await databaseError(error, this.#directory);
      for (const { done } of group) done.reject(reason);
      return;
    }
    this.#revision = revision;
    for (const { waiting, commit } of written) {
      this.#publish(commit);
      waiting.done.resolve(commit.revision);
    }
  }

  /** The lock does not reach into another network namespace; two writers there would give a revision out twice. */
  #checkAlone(): void {
    const stored = decodeNumber(this.#database.get(metaKey('revision'))) || 1;
    if (stored === this.#revision) return;
    throw new AmphoraError(
      'Unavailable',
      `another process writes to the store in ${this.#directory}: it is at revision ${stored}, not ${this.#revision}; stop that one and start this one again`,
    );
  }

  /** All expectations are checked before anything is put, so that a refused commit leaves no trace in its group. */
  #apply(changes: readonly Change[], revision: number): StoreEvent[] {
    const before = changes
      .map(({ key }) => this.#database.get(objectKey(key)))
      .map((value) => (value === undefined ? undefined : decodeObject(value)));
    for (const [index, change] of changes.entries()) checkExpected(change, before[index]?.revision ?? 0);
    return changes.flatMap((change, index) => {
      const event = eventOf(change, { revision, previous: before[index]?.bytes });
      if (event === undefined) return [];
      const key = objectKey(change.key);
      if (event.type === 'put') void this.#database.put(key, encodeObject(revision, event.bytes));
      else void this.#database.remove(key);
      void this.#database.put(
        eventKey(revision, index),
        encodeEvent({ ...event, previousRevision: before[index]?.revision ?? 0 }),
      );
      return [event];
    });
  }
}

function eventOf(
  { key, bytes }: Change,
  { revision, previous }: { revision: number; previous: Buffer | undefined },
): StoreEvent | undefined {
  if (bytes !== undefined)
    return { type: 'put', key, revision, bytes, ...(previous === undefined ? {} : { previous }) };
  return previous === undefined ? undefined : { type: 'delete', key, revision, bytes: previous, previous };
}
