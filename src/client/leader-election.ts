import type { Lease } from '../api/types.generated.ts';
import { type Clock, toMicroTime } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Client } from './client.ts';

export interface ElectionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Who we are: unlike every other candidate. */
  readonly identity: string;
  readonly times?: ElectionTimes;
}

/** Milliseconds; each longer than the next, as in client-go. */
export interface ElectionTimes {
  /** How long others wait for a leader that is silent. */
  readonly leaseMs: number;
  /** How long a leader tries to renew before it stops. */
  readonly renewMs: number;
  readonly retryMs: number;
}

const TIMES: ElectionTimes = {
  leaseMs: LIMITS.electionLeaseMs,
  renewMs: LIMITS.electionRenewMs,
  retryMs: LIMITS.electionRetryMs,
};

/** Candidates that began together do not try together for ever. */
const JITTER = 1.2;

/**
 * Does `work` while this candidate holds the Lease, again after a lost one, until the signal aborts; then the Lease is
 * released. As client-go's leader election: times are compared with this machine's clock only, by when a change was seen.
 * A leader that can't renew aborts its work and waits for it to end before the Lease can be another's.
 * @throws what `work` throws; Internal when work goes on although it was told to end, since two would work then.
 */
export async function runElected(
  options: ElectionOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const candidate = new Candidate(options);
  while (!signal.aborted) {
    await candidate.acquire(signal);
    if (signal.aborted) return;
    options.log.info({ lease: options.name, identity: options.identity }, 'this server leads');
    await lead(candidate, work, signal);
    if (!signal.aborted)
      options.log.warn({ lease: options.name }, 'the lease was lost: the work has stopped');
  }
}

async function lead(
  candidate: Candidate,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  let hasEnded = false;
  const working = work(both).finally(() => {
    hasEnded = true;
  });
  const renewing = candidate.keep(both);
  try {
    await Promise.race([working, renewing]);
    stop.abort();
    await candidate.ended(working);
  } finally {
    stop.abort();
    await renewing;
    if (hasEnded) await candidate.release();
  }
}

class Candidate {
  readonly #options: ElectionOptions;
  readonly #times: ElectionTimes;
  /** As it was last seen, and when that was: milliseconds of our clock. */
  #seen: { readonly lease: Lease; readonly at: number } | undefined;
  #renewedAt = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /** Until the Lease is ours or the signal aborts. */
  async acquire(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      if (await this.#try(this.#times.renewMs, signal)) return;
      const pause = this.#times.retryMs * (1 + Math.random() * (JITTER - 1));
      await clock.sleep(pause, signal).catch(() => {}); // Aborted: the loop ends.
    }
  }

  /** While the Lease is ours and the signal does not abort. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(this.#times.retryMs, signal).catch(() => {}); // Aborted: seen below.
      if (signal.aborted) return;
      const left = this.#renewedAt + this.#times.renewMs - clock.now();
      if (left <= 0) return;
      // Another's by now, or not reached: that is tried until the time is over.
      if (!(await this.#try(left, signal)) && !this.#isOurs()) return;
    }
  }

  /** The work's end, which must come while the Lease still keeps others off. */
  async ended(working: Promise<void>): Promise<void> {
    const { clock } = this.#options;
    const { leaseMs, renewMs } = this.#times;
    const done = new AbortController();
    const late = clock.sleep(leaseMs - renewMs, done.signal).then(() => {
      throw new AmphoraError(
        'Internal',
        'the work of a leader goes on without its lease: this server must end',
      );
    });
    late.catch(() => {}); // When the work was first.
    try {
      await Promise.race([working, late]);
    } finally {
      done.abort();
    }
  }

  /** Lets the next candidate begin at once; one that can't be told waits for the Lease to run out. */
  async release(): Promise<void> {
    const seen = this.#seen?.lease;
    if (seen === undefined || !this.#isOurs()) return;
    const now = toMicroTime(this.#options.clock.now());
    // No holder, and not an empty one: that the API refuses.
    const { holderIdentity: _, ...rest } = seen.spec ?? {};
    const spec = { ...rest, leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await this.#update({ ...seen, spec }, AbortSignal.timeout(LIMITS.electionReleaseMs)).catch((error) =>
      this.#options.log.warn({ err: AmphoraError.from(error) }, 'the lease was not released'),
    );
    this.#seen = undefined;
  }

  /** One try to take or renew it. @param forMs how long it may take */
  async #try(forMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock, log, name } = this.#options;
    const over = new AbortController();
    const late = clock.sleep(forMs, over.signal).then(() => over.abort());
    try {
      const began = clock.now();
      const held = await this.#takeOrRenew(AbortSignal.any([signal, over.signal]));
      if (held) this.#renewedAt = began;
      return held;
    } catch (error) {
      if (!signal.aborted && !isCode(error, 'Conflict', 'AlreadyExists'))
        log.warn({ lease: name, err: AmphoraError.from(error) }, 'the lease was not read or written');
      return false;
    } finally {
      over.abort();
      await late.catch(() => {});
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity } = this.#options;
    const lease = await client.get<Lease>(this.#reference(), { signal }).catch((error: unknown) => {
      if (isCode(error, 'NotFound')) return undefined;
      throw error;
    });
    const now = clock.now();
    const time = toMicroTime(now);
    const mine = { holderIdentity: identity, leaseDurationSeconds: this.#leaseSeconds(), renewTime: time };
    if (lease === undefined) {
      await this.#create({ ...mine, acquireTime: time, leaseTransitions: 0 }, signal);
      return true;
    }
    if (lease.metadata?.resourceVersion !== this.#seen?.lease.metadata?.resourceVersion)
      this.#seen = { lease, at: now };
    const {
      holderIdentity = '',
      leaseDurationSeconds = 0,
      leaseTransitions = 0,
      acquireTime,
    } = lease.spec ?? {};
    const isOurs = holderIdentity === identity;
    const until = (this.#seen?.at ?? now) + leaseDurationSeconds * SECOND_MS;
    if (holderIdentity !== '' && !isOurs && now < until) return false;
    const kept = isOurs && acquireTime !== undefined;
    const spec = {
      ...lease.spec,
      ...mine,
      acquireTime: kept ? acquireTime : time,
      leaseTransitions: isOurs ? leaseTransitions : leaseTransitions + 1,
    };
    await this.#update({ ...lease, spec }, signal);
    return true;
  }

  async #create(spec: Lease['spec'], signal: AbortSignal): Promise<void> {
    const { client, clock, name, namespace } = this.#options;
    const { apiVersion, resource } = this.#reference();
    const object = { apiVersion, kind: 'Lease', metadata: { name, namespace }, spec };
    const lease = await client.create<Lease>({ apiVersion, resource, namespace }, object, { signal });
    this.#seen = { lease, at: clock.now() };
  }

  /** With the revision that was read, so that of several who take it one wins. */
  async #update(object: Lease, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    const lease = await client.update<Lease>(this.#reference(), object, { signal });
    this.#seen = { lease, at: clock.now() };
  }

  #isOurs(): boolean {
    return this.#seen?.lease.spec?.holderIdentity === this.#options.identity;
  }

  #leaseSeconds(): number {
    return Math.max(1, Math.round(this.#times.leaseMs / SECOND_MS));
  }

  #reference() {
    const { namespace, name } = this.#options;
    return { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace, name } as const;
  }
}
