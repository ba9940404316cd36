import type { Pod, PodStatus } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { identityOf } from '../options.ts';
import { sameStatus } from './pod-status.ts';

export interface StatusWriterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called with the pod as the API has it after a write. */
  readonly onWritten: (pod: Pod) => void;
}

interface Job {
  readonly pod: Pod;
  readonly status: PodStatus;
}

/** Writes one pod's status: one write at a time, only what differs, the newest wins. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #next: Job | undefined;
  #written: PodStatus | undefined;
  #running: Promise<void> | undefined;
  #hurry: AbortController | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** @param urgent whether somebody waits for it; what only says what is being waited for may settle first */
  offer(pod: Pod, status: PodStatus, urgent: boolean): void {
    const pending = this.#next?.status ?? this.#written ?? pod.status;
    if (sameStatus(status, pending)) return;
    this.#next = { pod, status };
    if (urgent) this.#hurry?.abort();
    this.#running ??= this.#run(urgent).finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when everything offered was written, or given up. */
  async flush(): Promise<void> {
    this.#hurry?.abort();
    await this.#running;
  }

  async #run(urgent: boolean): Promise<void> {
    const { clock, signal } = this.#options;
    if (!urgent) await this.#settle();
    for (let failures = 0; this.#next !== undefined && !signal.aborted; ) {
      const job = this.#next;
      this.#next = undefined;
      const done = await this.#write(job);
      if (done) failures = 0;
      else {
        this.#next ??= job;
        failures += 1;
        await clock.sleep(Math.min(SECOND_MS * 2 ** (failures - 1), 30 * SECOND_MS), signal).catch(() => {});
      }
    }
  }

  async #settle(): Promise<void> {
    const hurry = new AbortController();
    this.#hurry = hurry;
    const signal = AbortSignal.any([hurry.signal, this.#options.signal]);
    await this.#options.clock.sleep(LIMITS.statusSettleMs, signal).catch(() => {});
    this.#hurry = undefined;
  }

  /** @returns false when trying again later may help */
  async #write({ pod, status }: Job): Promise<boolean> {
    const { client, signal, log } = this.#options;
    const { namespace, name, uid } = identityOf(pod);
    try {
      const written = await client.patch<Pod>(
        { apiVersion: 'v1', resource: 'pods', namespace, name, subresource: 'status' },
        {
          type: 'strategic',
          body: { metadata: { uid }, status: asPatch(status, this.#written ?? pod.status) },
        },
        { signal: AbortSignal.any([signal, AbortSignal.timeout(LIMITS.requestMs)]) },
      );
      this.#written = status;
      this.#options.onWritten(written);
      return true;
    } catch (error) {
      // Gone, or another pod of that name: there is nobody left to tell.
      if (isCode(error, 'NotFound', 'Conflict')) return true;
      log.warn({ err: error, pod: `${namespace}/${name}` }, 'pod status not written; trying again');
      return false;
    }
  }
}

/** Lists that merge by key need to be told when they are replaced, and absent members when they go. */
function asPatch(status: PodStatus, before: PodStatus | undefined): Record<string, unknown> {
  const patch: Record<string, unknown> = { ...status };
  const had = before?.podIPs ?? [];
  if (had.length > 0) {
    if (JSON.stringify(had) === JSON.stringify(status.podIPs)) delete patch.podIPs;
    else patch.podIPs = [{ $patch: 'replace' }, ...(status.podIPs ?? [])];
  }
  for (const key of ['podIP', 'reason', 'message'] as const) {
    if (before?.[key] !== undefined && status[key] === undefined) patch[key] = null;
  }
  patch.conditions = status.conditions?.map((condition) => {
    const old = before?.conditions?.find(({ type }) => type === condition.type);
    return {
      ...(old?.reason === undefined ? {} : { reason: null }),
      ...(old?.message === undefined ? {} : { message: null }),
      ...condition,
    };
  });
  return patch;
}
