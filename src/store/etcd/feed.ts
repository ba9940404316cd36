import type { Clock } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { type Commit, Fanout, isIn } from '../fanout.ts';
import type { StoreEvent, WatchBatch, WatchRange, WatchReader } from '../store.ts';
import type { EtcdConnection } from './connection.ts';
import type { WatchResponse } from './messages.ts';
import type { EtcdSpace } from './space.ts';

export interface FeedParts {
  readonly connection: EtcdConnection;
  readonly space: EtcdSpace;
  readonly clock: Clock;
}

/**
 * What etcd tells of the whole store, told once to this process and from here to all its watchers. How far a watcher
 * has got is known only from events (progress notifications can't be trusted before etcd 3.4.31 and 3.5.13): so each
 * feed begins with a write of its own, the anchor, and whoever compacts writes a key now and then.
 */
export class EtcdFeed {
  readonly #parts: FeedParts;
  readonly #closed = new AbortController();
  #following: Promise<Following> | undefined;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** Revisions are the store's. */
  async *watch(range: WatchRange, from: number, reader: WatchReader): AsyncGenerator<WatchBatch> {
    if (reader.signal.aborted) return;
    const following = await this.#begin();
    yield* following.watch(range, from, reader);
  }

  /** What was before is compacted away: a watch from there must hear so. */
  async forget(revision: number): Promise<void> {
    (await this.#following?.catch(() => undefined))?.forget(revision);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const following = await this.#following?.catch(() => undefined);
    await following?.ended;
  }

  /** @throws Unavailable when etcd is away; the next watch tries again. */
  #begin(): Promise<Following> {
    this.#following ??= this.#follow().catch((error: unknown) => {
      this.#following = undefined;
      throw error;
    });
    return this.#following;
  }

  async #follow(): Promise<Following> {
    const { connection, space } = this.#parts;
    space.mustBeCurrent();
    const anchor = { put: space.metaKey('anchor'), value: Buffer.alloc(0) };
    // Not by the signal of the watch that came first: others wait for the same.
    const begin = { compare: [], success: [anchor], failure: [] };
    const { revision } = await connection.repeatableTxn(begin, this.#closed.signal);
    const following = new Following(this.#parts, revision, this.#closed.signal);
    void following.ended.then(() => {
      this.#following = undefined;
    });
    return following;
  }
}

/** One unbroken stretch of the store's history: from the anchor to where etcd has forgotten what comes next. */
class Following {
  readonly #parts: FeedParts;
  readonly #fanout: Fanout;
  /** Everything after `#pastFrom`, as far as it was told. */
  #past: StoreEvent[] = [];
  #pastBytes = 0;
  #pastFrom: number;
  /** Resolves when it is over; its watchers are told. */
  readonly ended: Promise<void>;

  /** @param anchor a revision of etcd's that is in the store */
  constructor(parts: FeedParts, anchor: number, closed: AbortSignal) {
    this.#parts = parts;
    this.#pastFrom = parts.space.fromEtcd(anchor);
    this.#fanout = new Fanout(this.#pastFrom);
    this.ended = this.#run(anchor, closed);
  }

  watch(range: WatchRange, from: number, reader: WatchReader): AsyncIterable<WatchBatch> {
    return this.#fanout.watch(range, {
      from,
      reader,
      past: (wanted, after, to) =>
        after >= this.#pastFrom
          ? this.#past.filter((one) => one.revision > after && one.revision <= to && isIn(wanted, one))
          : this.#longPast(wanted, { after, to, signal: reader.signal }),
    });
  }

  /** What was up to and with this revision; a watch from further back then asks etcd. */
  forget(revision: number): void {
    if (revision <= this.#pastFrom) return;
    this.#past = this.#past.filter((event) => event.revision > revision);
    this.#pastBytes = this.#past.reduce((sum, event) => sum + sizeOf(event), 0);
    this.#pastFrom = revision;
  }

  async #run(anchor: number, closed: AbortSignal): Promise<void> {
    try {
      for await (const response of follow(this.#parts, anchor, closed)) this.#take(response);
      this.#fanout.close();
    } catch (error) {
      this.#fanout.fail(AmphoraError.from(error));
    }
  }

  /** From etcd itself. The whole store is read, since only then the event at `to` tells that nothing is missing. */
  async *#longPast(
    range: WatchRange,
    { after, to, signal }: { readonly after: number; readonly to: number; readonly signal: AbortSignal },
  ): AsyncGenerator<StoreEvent> {
    const { space } = this.#parts;
    for await (const { events } of follow(this.#parts, space.toEtcd(after), signal)) {
      for (const event of events) {
        const revision = space.fromEtcd(event.kv.modRevision);
        if (revision > to) return;
        const made = space.event(event);
        if (made !== undefined && isIn(range, made)) yield made;
      }
      if (space.fromEtcd(events.at(-1)?.kv.modRevision ?? 0) >= to) return;
    }
  }

  #take({ events }: WatchResponse): void {
    let commit: { revision: number; events: StoreEvent[] } | undefined;
    for (const event of events) {
      if (this.#parts.space.isReplacing(event)) {
        this.#parts.space.replaced();
        this.#parts.space.mustBeCurrent();
      }
      const revision = this.#parts.space.fromEtcd(event.kv.modRevision);
      if (commit !== undefined && commit.revision !== revision) this.#publish(commit);
      if (commit?.revision !== revision) commit = { revision, events: [] };
      const made = this.#parts.space.event(event);
      if (made !== undefined) commit.events.push(made);
    }
    if (commit !== undefined) this.#publish(commit);
  }

  #publish(commit: Commit): void {
    for (const event of commit.events) this.#pastBytes += sizeOf(event);
    this.#past.push(...commit.events);
    // Half at a time, so that it costs little per event.
    if (this.#past.length > LIMITS.etcdPastEvents || this.#pastBytes > LIMITS.etcdPastBytes)
      this.forget(this.#past[this.#past.length >> 1]?.revision ?? 0);
    this.#fanout.publish(commit);
  }
}

function sizeOf({ bytes, previous }: StoreEvent): number {
  return bytes.length + (previous?.length ?? 0);
}

/**
 * Every change of the store after a revision of etcd's, over any number of connections; ends with the signal.
 * @throws Expired
 */
async function* follow(
  { connection, space, clock }: FeedParts,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse> {
  const { start, end } = space.whole();
  let reached = after;
  for (let failures = 0; ; ) {
    try {
      const request = { key: start, rangeEnd: end, startRevision: reached + 1 };
      for await (const response of connection.watch(request, signal)) {
        failures = 0;
        yield response;
        reached = response.events.at(-1)?.kv.modRevision ?? reached;
      }
    } catch (error) {
      if (!signal.aborted && (!(error instanceof AmphoraError) || isCode(error, 'Expired'))) throw error;
    }
    if (signal.aborted) return;
    const pause = Math.min(LIMITS.etcdRetryFirstMs * 2 ** failures, LIMITS.etcdRetryLongestMs);
    failures += 1;
    await clock.sleep(pause, signal).catch(() => {}); // Aborted: seen above.
  }
}
