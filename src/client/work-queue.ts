import type { Clock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Most keys at once, waiting or delayed. */
  readonly limit?: number;
}

/**
 * Keys to be worked on. A key stands in it once; one that is added while it is being worked on comes back after
 * that; a failed one comes back later each time.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #limit: number;
  /** In order of arrival. */
  readonly #ready = new Set<string>();
  readonly #working = new Set<string>();
  /** Added again while being worked on. */
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { readonly due: number; readonly cancel: AbortController }>();
  readonly #failures = new Map<string, number>();
  #waiting: Array<(key: string | undefined) => void> = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#limit = options.limit ?? LIMITS.workQueueKeys;
  }

  /** How many keys wait to be worked on now. */
  get size(): number {
    return this.#ready.size;
  }

  /** @throws Unavailable when the queue is full. */
  add(key: string): void {
    if (this.#closed) return;
    if (this.#working.has(key)) this.#again.add(key);
    else if (!this.#ready.has(key)) this.#enqueue(key);
  }

  /** Adds the key after `ms`; of several delays the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.#clock.now() + ms;
    const known = this.#delayed.get(key);
    if (known !== undefined && known.due <= due) return;
    known?.cancel.abort();
    this.#checkRoom();
    const cancel = new AbortController();
    this.#delayed.set(key, { due, cancel });
    this.#clock.sleep(ms, cancel.signal).then(
      () => {
        this.#delayed.delete(key);
        this.add(key);
      },
      () => {}, // Canceled: an earlier one took its place, or the queue is closed.
    );
  }

  /** Adds a key that failed, later with each failure in a row. */
  retry(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(LIMITS.retryFirstMs * 2 ** failures, LIMITS.retryLongestMs));
  }

  /** The key succeeded: its next failure is a first one. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which nobody else gets until {@link WorkQueue.done}; undefined once the queue is closed. */
  next(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const key of this.#ready) {
      this.#ready.delete(key);
      this.#working.add(key);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  done(key: string): void {
    this.#working.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel.abort();
    this.#delayed.clear();
    this.#ready.clear();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }

  #enqueue(key: string): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#working.add(key);
      waiting(key);
      return;
    }
    this.#checkRoom();
    this.#ready.add(key);
  }

  #checkRoom(): void {
    if (this.#ready.size + this.#delayed.size >= this.#limit)
      throw new AmphoraError('Unavailable', `a work queue has ${this.#limit} keys and takes no more`);
  }
}
