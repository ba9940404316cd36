import { readFile } from 'node:fs/promises';
import type { Pod } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import type { NodeActions } from '../client/node-actions.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../lib/limits.ts';
import type { CliContext } from './context.ts';
import type { Platform } from './platform.ts';
import { formatBytes, formatDuration, formatTable } from './table.ts';

const READY_DEADLINE_MS = 2 * MINUTE_MS;
const FETCH_DEADLINE_MS = 10 * SECOND_MS;
const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' } as const;

/** One pod of the example, as the table shows it. */
export interface ShownPod {
  readonly pod: string;
  readonly class: string;
  readonly podIP: string;
  /** Milliseconds from create to Ready. */
  readonly readyAfterMs: number;
  /** What `uname -r` says inside. */
  readonly kernel: string;
  /** Bytes of the machine's memory it costs. */
  readonly memoryBytes: number;
}

/** Applies the example, waits, and fetches a page from each pod over its pod IP. */
export async function showThreeWays(
  platform: Platform,
  context: CliContext,
  manifest: string,
): Promise<readonly ShownPod[]> {
  await using stack = new AsyncDisposableStack();
  const client = stack.adopt(await platform.connect(), (open) => open.close());
  const shown: ShownPod[] = [];
  for (const pod of await readPods(manifest)) shown.push(await showPod(client, context, pod));
  return shown;
}

async function readPods(manifest: string): Promise<Pod[]> {
  const { yaml } = await import('../lib/yaml.ts'); // Large, and no other verb reads YAML.
  const documents = yaml.parseAllDocuments(await readFile(manifest, 'utf8'));
  return documents.map((document) => document.toJS() as Pod); // Ours; the API checks it again.
}

async function showPod(client: Client & NodeActions, context: CliContext, wanted: Pod): Promise<ShownPod> {
  const name = wanted.metadata?.name ?? '';
  return await context.progress.step(`pod ${name}`, async (detail) => {
    const existed = await exists(client, name, context.signal);
    const started = performance.now();
    await client.patch(
      { ...PODS, name },
      { type: 'apply', body: wanted },
      { signal: context.signal, fieldManager: 'amphora-quickstart', force: true },
    );
    const pod = await waitReady(client, { name, detail, signal: context.signal });
    const elapsed = performance.now() - started;
    const page = await fetchInfo(pod.status?.podIP ?? '', context.signal);
    const usage = await client.sandboxStats(pod.spec?.nodeName ?? '', context.signal);
    return {
      pod: name,
      class: pod.spec?.runtimeClassName ?? 'container',
      podIP: pod.status?.podIP ?? '',
      readyAfterMs: existed ? timeToReady(pod) : elapsed,
      kernel: page.kernel,
      memoryBytes: usage.find((one) => one.podUid === pod.metadata?.uid)?.memoryBytes ?? 0,
    };
  });
}

async function exists(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  return await client.get({ ...PODS, name }, { signal }).then(
    () => true,
    (error) => {
      if (isCode(error, 'NotFound')) return false;
      throw error;
    },
  );
}

/** Of a pod that an earlier quickstart made: only its own timestamps, in whole seconds, still tell how long it took. */
function timeToReady(pod: Pod): number {
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready');
  return Date.parse(ready?.lastTransitionTime ?? '') - Date.parse(pod.metadata?.creationTimestamp ?? '');
}

interface Waiting {
  readonly name: string;
  readonly detail: (text: string) => void;
  readonly signal: AbortSignal;
}

async function waitReady(client: Client, waiting: Waiting): Promise<Pod> {
  const deadline = AbortSignal.timeout(READY_DEADLINE_MS);
  const signal = AbortSignal.any([waiting.signal, deadline]);
  const selector = { fieldSelector: `metadata.name=${waiting.name}` };
  let last: Pod | undefined;
  try {
    const { items, metadata } = await client.list<Pod>(PODS, selector, { signal });
    last = items[0];
    if (last !== undefined && isReady(last)) return last;
    for await (const event of client.watch<Pod>(
      PODS,
      { ...selector, resourceVersion: metadata.resourceVersion },
      { signal },
    )) {
      if (event.type === 'BOOKMARK') continue;
      last = event.object;
      if (isReady(last)) return last;
      waiting.detail(whyNotReady(last));
    }
  } catch (error) {
    if (!deadline.aborted) throw error;
  }
  const why = last === undefined ? 'it was not created' : whyNotReady(last);
  throw new AmphoraError(
    'Timeout',
    `pod ${waiting.name} is not ready: ${why}. See: kubectl describe pod ${waiting.name}`,
  );
}

function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ===
    true
  );
}

function whyNotReady(pod: Pod): string {
  const waiting = pod.status?.containerStatuses
    ?.map((container) => container.state?.waiting)
    .find((state) => state !== undefined);
  if (waiting !== undefined)
    return [waiting.reason, waiting.message].filter((part) => part !== undefined).join(': ');
  const unmet = pod.status?.conditions?.find(
    (condition) => condition.status === 'False' && condition.message !== undefined,
  );
  return unmet?.message ?? pod.status?.phase ?? 'Pending';
}

/** The sample’s CGI answers lines of a key and a value. */
async function fetchInfo(podIP: string, signal: AbortSignal): Promise<{ kernel: string }> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(FETCH_DEADLINE_MS)]);
  const host = podIP.includes(':') ? `[${podIP}]` : podIP;
  const response = await fetch(`http://${host}:8080/cgi-bin/info`, { signal: deadline }).catch((cause) => {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new AmphoraError('Unavailable', `http://${host}:8080 can't be fetched: ${why}`, { cause });
  });
  if (!response.ok) throw new AmphoraError('Unavailable', `the page of ${podIP} answered ${response.status}`);
  const text = await response.text();
  return { kernel: /^kernel (.*)$/m.exec(text)?.[1] ?? 'unknown' };
}

export function threeWaysTable(rows: readonly ShownPod[]): string {
  return formatTable(
    ['pod', 'class', 'pod ip', 'ready after', 'kernel', 'memory'],
    rows.map((row) => [
      row.pod,
      row.class,
      row.podIP,
      formatDuration(row.readyAfterMs),
      row.kernel,
      formatBytes(row.memoryBytes),
    ]),
  );
}
