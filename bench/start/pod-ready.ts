import type { Pod, PodSpec } from '../../src/api/types.generated.ts';
import type { Client } from '../../src/client/client.ts';
import { SECOND_MS } from '../../src/lib/limits.ts';

const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' } as const;

export interface PodRun {
  readonly client: Client;
  readonly name: string;
  readonly spec: PodSpec;
  /** Milliseconds after which the pod is given up, with what its status says. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Creates a pod, waits on a watch until it says Ready, and removes it again, waiting until nothing of it runs.
 * @returns milliseconds from sending the create to receiving Ready
 * @throws Error with what the status says when the pod fails or is not ready in time
 */
export async function timeToReady(run: PodRun): Promise<number> {
  const { client, name } = run;
  const deadline = AbortSignal.any([run.signal, AbortSignal.timeout(run.deadlineMs)]);
  const { metadata } = await client.list(PODS, {}, { signal: run.signal });
  const query = { resourceVersion: metadata.resourceVersion, fieldSelector: `metadata.name=${name}` };
  const stop = new AbortController();
  const events = client.watch<Pod>(PODS, query, { signal: AbortSignal.any([deadline, stop.signal]) });
  const ready = whenReady(events);
  ready.catch(() => {}); // Awaited below, unless the create fails first.
  try {
    const started = performance.now();
    await client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: run.spec });
    const readyAt = await ready;
    return readyAt - started;
  } finally {
    stop.abort();
    await removePod(run);
  }
}

async function whenReady(events: ReturnType<Client['watch']>): Promise<number> {
  let last: Pod | undefined;
  try {
    for await (const event of events) {
      if (event.type === 'BOOKMARK') continue;
      last = event.object as Pod; // The collection that is watched holds pods only.
      if (isReady(last)) return performance.now();
      if (last.status?.phase === 'Failed') break;
    }
  } catch {
    // The deadline ended the watch; what the pod last said is what matters.
  }
  throw new Error(statusText(last));
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function statusText(pod: Pod | undefined): string {
  const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
  const condition = pod?.status?.conditions?.find(({ status, message }) => status === 'False' && message);
  const words = [waiting?.reason, waiting?.message, pod?.status?.message, condition?.message];
  return words.filter(Boolean).join(': ') || `the pod is ${pod?.status?.phase ?? 'not seen'} at the deadline`;
}

async function removePod({ client, name, signal }: PodRun): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(30 * SECOND_MS)]);
  const reference = { ...PODS, name };
  const gone = (error: unknown) => {
    if ((error as { code?: string }).code !== 'NotFound') throw error;
  };
  await client.delete(reference, { gracePeriodSeconds: 1 }, { signal: deadline }).catch(gone);
  for (;;) {
    const still = await client.get(reference, { signal: deadline }).catch(gone);
    if (still === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
