import { createHash } from 'node:crypto';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';

export interface LevelSettings {
  readonly name: string;
  /** Of the stored object; empty for one that is not stored. */
  readonly uid: string;
  /** Requests of an exempt level are never counted. */
  readonly isExempt: boolean;
  /** Requests served at once. */
  readonly seats: number;
  /** How many of its seats others may use while it does not. */
  readonly lendable: number;
  /** How many seats it may use of others. */
  readonly borrowable: number;
  /** Left out: what finds no seat is refused. */
  readonly queuing?: {
    readonly queues: number;
    readonly handSize: number;
    readonly queueLengthLimit: number;
  };
}

export interface LevelNeighbours {
  mayBorrow(level: Level, width: number): boolean;
  /** Seats have become free that others may be waiting for. */
  onFree(): void;
}

/** Gives the seat back; more than once does nothing. */
export type Release = () => void;

interface Waiting {
  readonly seat: (release: Release) => void;
  readonly width: number;
}

interface Queue {
  readonly number: number;
  readonly waiting: Waiting[];
  /** What its requests have cost so far, in milliseconds of a seat: the cheapest is next. */
  spent: number;
}

/**
 * Requests of one priority. With a seat free it lets them straight through; without one they wait in queues that take
 * turns. A flow has a hand of a few queues, chosen by its name: one that floods fills its own hand, and shares
 * all of it with no other flow but by rare chance.
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#fair-queuing
 */
export class Level {
  readonly settings: LevelSettings;
  /** Those that somebody waits in, by their number. */
  readonly #queues = new Map<number, Queue>();
  readonly #neighbours: LevelNeighbours;
  #inUse = 0;
  #waiting = 0;
  #refused = 0;
  /** What the queue that was served last had spent: one that was empty does not come with credit. */
  #now = 0;

  constructor(settings: LevelSettings, neighbours: LevelNeighbours) {
    this.settings = settings;
    this.#neighbours = neighbours;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** How many were turned away, ever. */
  get refused(): number {
    return this.#refused;
  }

  /** Seats that others may use now. */
  get spare(): number {
    const { seats, lendable } = this.settings;
    return Math.max(0, Math.min(lendable, seats - this.#inUse));
  }

  /**
   * A seat at once where one is free, else a promise of one.
   * @throws TooManyRequests when there is no room to wait, or the wait was too long; what the signal aborts with.
   */
  enter(flow: string, width: number, signal: AbortSignal): Release | Promise<Release> {
    if (this.#waiting === 0 && this.#fits(width)) return this.#seat(width);
    const queue = this.#queueOf(flow);
    if (queue === undefined) {
      this.#refused += 1;
      throw tooMany();
    }
    return this.#wait(queue, width, signal);
  }

  /** Seats that became free, here or at a neighbour, go to who waits. */
  serve(): void {
    while (this.#waiting > 0) {
      const queue = this.#next();
      const first = queue?.waiting[0];
      if (queue === undefined || first === undefined || !this.#fits(first.width)) return;
      this.#now = queue.spent;
      queue.waiting.shift();
      this.#left(queue);
      first.seat(this.#seat(first.width, queue));
    }
  }

  #fits(width: number): boolean {
    // What is wider than the level still gets in, alone.
    return (
      this.#inUse === 0 ||
      this.#inUse + width <= this.settings.seats ||
      this.#neighbours.mayBorrow(this, width)
    );
  }

  #seat(width: number, queue?: Queue): Release {
    this.#inUse += width;
    const since = queue === undefined ? 0 : performance.now();
    if (queue !== undefined) queue.spent += width * EXPECTED_MS;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#inUse -= width;
      if (queue !== undefined) queue.spent += width * (performance.now() - since - EXPECTED_MS);
      this.serve();
      this.#neighbours.onFree();
    };
  }

  /** The shortest of the flow's hand; undefined when that is full. */
  #queueOf(flow: string): Queue | undefined {
    const { queuing } = this.settings;
    if (queuing === undefined) return undefined;
    let best: Queue | undefined;
    for (const number of handOf(flow, queuing.queues, queuing.handSize)) {
      const queue = this.#queues.get(number) ?? { number, waiting: [], spent: this.#now };
      if (best === undefined || queue.waiting.length < best.waiting.length) best = queue;
    }
    return best === undefined || best.waiting.length >= queuing.queueLengthLimit ? undefined : best;
  }

  #wait(queue: Queue, width: number, signal: AbortSignal): Promise<Release> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
      const waiting: Waiting = {
        width,
        seat: (release) => {
          done();
          resolve(release);
        },
      };
      const leave = (error: Error) => {
        done();
        queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
        this.#left(queue);
        reject(error);
      };
      const abort = () => leave(AmphoraError.from(signal.reason));
      const timer = setTimeout(() => leave(tooMany()), LIMITS.fairnessWaitMs);
      signal.addEventListener('abort', abort, { once: true });
      queue.waiting.push(waiting);
      this.#waiting += 1;
      this.#queues.set(queue.number, queue);
    });
  }

  #left(queue: Queue): void {
    this.#waiting -= 1;
    if (queue.waiting.length === 0) this.#queues.delete(queue.number);
  }

  #next(): Queue | undefined {
    let best: Queue | undefined;
    for (const queue of this.#queues.values())
      if (best === undefined || queue.spent < best.spent) best = queue;
    return best;
  }
}

/** What a request is charged with until it is known how long it took. */
const EXPECTED_MS = 3;

/** As many different numbers below `queues` as the hand has, always the same for one flow. */
export function handOf(flow: string, queues: number, handSize: number): number[] {
  let left = createHash('sha256').update(flow).digest().readBigUInt64BE();
  const hand: number[] = [];
  for (let dealt = 0; dealt < Math.min(handSize, queues); dealt++) {
    const remaining = BigInt(queues - dealt);
    let card = Number(left % remaining);
    left /= remaining;
    // The card is counted among those not dealt yet.
    for (const taken of [...hand].sort((a, b) => a - b)) if (card >= taken) card += 1;
    hand.push(card);
  }
  return hand;
}

function tooMany(): AmphoraError {
  return new AmphoraError('TooManyRequests', 'too many requests, please try again later.', {
    retryAfterSeconds: 1,
  });
}
