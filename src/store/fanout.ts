import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { StoreEvent, WatchBatch, WatchRange, WatchReader } from './store.ts';

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
  readonly #watchers = new Watchers();
  #revision: number;
  /** Up to which all watchers know how far the store is. */
  #progress: number;
  #isClosed = false;
  #failure: AmphoraError | undefined;

  constructor(revision: number) {
    this.#revision = revision;
    this.#progress = revision;
  }

  /** Newest revision that watchers have been told of. */
  get revision(): number {
    return this.#revision;
  }

  publish(commit: Commit): void {
    const { revision, events } = commit;
    this.#revision = revision;
    for (const watcher of this.#watchers.of(events)) watcher.push(commit);
    // A commit of other objects tells a watcher nothing, but now and then: a bookmark must not fall out of the history.
    if (events.length > 0 && revision - this.#progress < PROGRESS_REVISIONS) return;
    this.#progress = revision;
    for (const watcher of this.#watchers.all()) watcher.progress(revision);
  }

  /** Watchers, and those who come later, end with this error. */
  fail(error: AmphoraError): void {
    this.#failure = error;
    for (const watcher of this.#watchers.all()) watcher.fail(error);
  }

  /** Watchers end as if their signal had aborted. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.all()) watcher.end();
  }

  /** @throws Expired, also when `past` does. */
  async *watch(
    range: WatchRange,
    options: { readonly from: number; readonly past: ReadPast; readonly reader: WatchReader },
  ): AsyncGenerator<WatchBatch> {
    const { from, past, reader } = options;
    const { signal } = reader;
    if (signal.aborted || this.#isClosed) return;
    if (this.#failure !== undefined) throw this.#failure;
    const watcher = new Watcher(range, reader);
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

/** Those who watch, found by what they watch. */
class Watchers {
  readonly #places = new Map<string, Set<Watcher>>();

  add(watcher: Watcher): void {
    const place = placeOf(watcher.range);
    const there = this.#places.get(place) ?? new Set();
    this.#places.set(place, there.add(watcher));
  }

  delete(watcher: Watcher): void {
    const place = placeOf(watcher.range);
    const there = this.#places.get(place);
    there?.delete(watcher);
    if (there?.size === 0) this.#places.delete(place);
  }

  /** Whoever watches at least one of these, once. */
  of(events: readonly StoreEvent[]): Iterable<Watcher> {
    const [first] = events;
    if (first !== undefined && events.length === 1) return this.#ofOne(first);
    return new Set(events.flatMap((event) => [...this.#ofOne(event)]));
  }

  *all(): Generator<Watcher> {
    for (const there of this.#places.values()) yield* there;
  }

  *#ofOne({ key: { resource, namespace, name } }: StoreEvent): Generator<Watcher> {
    for (const range of [
      { resource },
      { resource, namespace },
      { resource, name },
      { resource, namespace, name },
    ]) {
      const there = this.#places.get(placeOf(range));
      if (there !== undefined) yield* there;
    }
  }
}

/** No namespace is not the empty namespace, of what has none. */
function placeOf({ resource, namespace, name }: WatchRange): string {
  return `${resource}/${namespace ?? '*'}/${name ?? '*'}`;
}

class Watcher {
  readonly range: WatchRange;
  readonly #reader: WatchReader;
  #queue: StoreEvent[] = [];
  /** Everything up to here is in the queue or was taken from it. */
  #seen = 0;
  /** Newest revision the reader was told of. */
  #told = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #failure: AmphoraError | undefined;
  #hasProgress = false;
  /** Set while the reader waits. */
  #wake: (() => void) | undefined;

  constructor(range: WatchRange, reader: WatchReader) {
    this.range = range;
    this.#reader = reader;
  }

  push({ revision, events }: Commit): void {
    if (this.#state !== 'open') return;
    this.#seen = revision;
    const own = events.filter((event) => isIn(this.range, event));
    if (this.#wake !== undefined && this.#reader.offer?.({ events: own, revision }) === true) {
      this.#told = revision;
      return;
    }
    this.#queue.push(...own);
    if (this.#queue.length > LIMITS.watchQueueEvents) this.fail(tooSlow());
    this.#wakeUp();
  }

  progress(revision: number): void {
    if (this.#state !== 'open') return;
    this.#seen = revision;
    this.#hasProgress = revision > this.#told;
    if (this.#hasNews()) this.#wakeUp();
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wakeUp();
  }

  fail(error: AmphoraError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#queue = [];
    this.#wakeUp();
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
      this.#hasProgress = false;
      this.#told = Math.max(after, this.#seen);
      yield { events, revision: this.#told };
    }
  }

  #hasNews(): boolean {
    return this.#queue.length > 0 || this.#hasProgress;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

export function isIn({ resource, namespace, name }: WatchRange, { key }: StoreEvent): boolean {
  return (
    resource === key.resource &&
    (namespace === undefined || namespace === key.namespace) &&
    (name === undefined || name === key.name)
  );
}

function tooSlow(): AmphoraError {
  return new AmphoraError(
    'Expired',
    `the watch was more than ${LIMITS.watchQueueEvents} events behind and was ended: list again`,
  );
}
