import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { StoreEvent, WatchBatch, WatchRange } from './store.ts';

/** How many past events a watcher is given at once. */
const PAST_BATCH = 500;

/** How many revisions may pass before a watcher of quiet objects is told how far it has got. */
const PROGRESS_REVISIONS = 100;

/** One committed revision and what it changed; one without events tells every watcher how far it has got. */
export interface Commit {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** Reads what is past, in order: everything after `from`, up to and including `to`. */
export type ReadPast = (
  range: WatchRange,
  from: number,
  to: number,
) => AsyncIterable<StoreEvent> | Iterable<StoreEvent>;

/**
 * Spreads commits to watchers. A watcher subscribes before it reads the past, so that nothing falls between the two;
 * each has a bounded queue, and one that overflows is dropped and must list again.
 */
export class Fanout {
  readonly #watchers = new Set<Watcher>();
  #revision: number;
  #isClosed = false;
  #failure: AmphoraError | undefined;

  constructor(revision: number) {
    this.#revision = revision;
  }

  /** Newest revision that watchers have been told of. */
  get revision(): number {
    return this.#revision;
  }

  publish(commit: Commit): void {
    this.#revision = commit.revision;
    for (const watcher of this.#watchers) watcher.push(commit);
  }

  /** Watchers, and those who come later, end with this error. */
  fail(error: AmphoraError): void {
    this.#failure = error;
    for (const watcher of this.#watchers) watcher.fail(error);
    this.#watchers.clear();
  }

  /** Watchers end as if their signal had aborted. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
  }

  /** @throws Expired, also when `past` does. */
  async *watch(
    range: WatchRange,
    options: { from: number; past: ReadPast; signal: AbortSignal },
  ): AsyncGenerator<WatchBatch> {
    const { from, past, signal } = options;
    if (signal.aborted || this.#isClosed) return;
    if (this.#failure !== undefined) throw this.#failure;
    const watcher = new Watcher(range);
    const end = () => watcher.end();
    this.#watchers.add(watcher);
    signal.addEventListener('abort', end, { once: true });
    try {
      const joined = this.#revision;
      let events: StoreEvent[] = [];
      for await (const event of past(range, from, joined)) {
        if (signal.aborted) return;
        if (events.length >= PAST_BATCH) {
          // The changes of one revision may be on both sides of the cut.
          yield { events, revision: (events.at(-1)?.revision ?? from) - 1 };
          events = [];
        }
        events.push(event);
      }
      yield { events, revision: Math.max(from, joined) };
      yield* watcher.batches(Math.max(from, joined));
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', end);
    }
  }
}

class Watcher {
  readonly #range: WatchRange;
  #queue: StoreEvent[] = [];
  /** Everything up to here is in the queue or was taken from it. */
  #seen = 0;
  /** Newest revision the reader was told of. */
  #told = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #failure: AmphoraError | undefined;
  #isProgress = false;
  #wake: () => void = () => {};

  constructor(range: WatchRange) {
    this.#range = range;
  }

  push({ revision, events }: Commit): void {
    if (this.#state !== 'open') return;
    this.#seen = revision;
    for (const event of events) if (isIn(this.#range, event)) this.#queue.push(event);
    if (events.length === 0) this.#isProgress = true;
    if (this.#queue.length > LIMITS.watchQueueEvents) this.fail(tooSlow());
    // A commit of other resources wakes nobody, but now and then: a bookmark must not fall out of the history.
    if (this.#hasNews() || this.#state !== 'open') this.#wake();
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake();
  }

  fail(error: AmphoraError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#queue = [];
    this.#wake();
  }

  async *batches(after: number): AsyncGenerator<WatchBatch> {
    this.#told = after;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#state === 'ended') return;
      if (!this.#hasNews()) {
        await this.#woken();
        continue;
      }
      const events = this.#queue.filter((event) => event.revision > after);
      this.#queue = [];
      this.#isProgress = false;
      this.#told = Math.max(after, this.#seen);
      yield { events, revision: this.#told };
    }
  }

  #hasNews(): boolean {
    return this.#queue.length > 0 || this.#isProgress || this.#seen - this.#told >= PROGRESS_REVISIONS;
  }

  #woken(): Promise<void> {
    if (this.#hasNews() || this.#state !== 'open') return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export function isIn(range: WatchRange, event: StoreEvent): boolean {
  return (
    range.resource === event.key.resource &&
    (range.namespace === undefined || range.namespace === event.key.namespace)
  );
}

function tooSlow(): AmphoraError {
  return new AmphoraError(
    'Expired',
    `the watch was more than ${LIMITS.watchQueueEvents} events behind and was ended: list again`,
  );
}
