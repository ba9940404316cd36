import type { ContainerStatus, Pod } from '../types.generated.ts';

/** `2/3` */
export function readyContainers(pod: Pod): string {
  const all = [...(pod.status?.containerStatuses ?? []), ...sidecarStatuses(pod)];
  const total = (pod.spec?.containers.length ?? 0) + sidecarNames(pod).size;
  return `${all.filter((status) => status.ready).length}/${total}`;
}

/** `0`, or `3 (12s ago)` where the last end of a container is known. */
export function restarts(pod: Pod, ago: (time: string) => string): string {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const count = all.reduce((sum, status) => sum + status.restartCount, 0);
  const last = all
    .flatMap((status) => status.lastState?.terminated?.finishedAt ?? [])
    .sort()
    .at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${ago(last)} ago)`;
}

/** The STATUS column: the phase, or what stands in its way, in the words of kubectl's users. */
export function podStatus(pod: Pod): string {
  const { metadata, status } = pod;
  if (metadata?.deletionTimestamp !== undefined)
    return status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
  const base =
    status?.reason !== undefined && status.reason !== '' ? status.reason : (status?.phase ?? 'Pending');
  return initProgress(pod) ?? containerReason(pod) ?? gated(pod) ?? base;
}

function gated(pod: Pod): string | undefined {
  const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  return scheduled?.reason === 'SchedulingGated' ? 'SchedulingGated' : undefined;
}

/** `Init:1/2`, `Init:Error`; undefined once all init containers are through. */
function initProgress(pod: Pod): string | undefined {
  const sidecars = sidecarNames(pod);
  const inits = pod.spec?.initContainers ?? [];
  for (const [index, container] of inits.entries()) {
    const status = pod.status?.initContainerStatuses?.find((one) => one.name === container.name);
    if (status?.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && status?.started === true) continue;
    if (status === undefined && pod.status?.initContainerStatuses === undefined) return undefined;
    return `Init:${initReason(status) ?? `${index}/${inits.length}`}`;
  }
  return undefined;
}

function initReason(status: ContainerStatus | undefined): string | undefined {
  const terminated = status?.state?.terminated;
  if (terminated !== undefined) return terminatedReason(terminated);
  const waiting = status?.state?.waiting?.reason;
  return waiting === undefined || waiting === 'PodInitializing' ? undefined : waiting;
}

/** The last container that waits or ended for a reason; running ones beside a completed one make it `Running` or `NotReady`. */
function containerReason(pod: Pod): string | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  const running = statuses.some((status) => status.state?.running !== undefined && status.ready);
  const reason = statuses.reduceRight<string | undefined>(
    (found, status) => found ?? reasonOf(status),
    undefined,
  );
  if (reason === 'Completed' && running) return isReady(pod) ? 'Running' : 'NotReady';
  return reason;
}

function reasonOf(status: ContainerStatus): string | undefined {
  const { waiting, terminated } = status.state ?? {};
  if (waiting?.reason !== undefined && waiting.reason !== '') return waiting.reason;
  return terminated === undefined ? undefined : terminatedReason(terminated);
}

function terminatedReason(terminated: { reason?: string; signal?: number; exitCode: number }): string {
  if (terminated.reason !== undefined && terminated.reason !== '') return terminated.reason;
  return terminated.signal === undefined || terminated.signal === 0
    ? `ExitCode:${terminated.exitCode}`
    : `Signal:${terminated.signal}`;
}

function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ===
    true
  );
}

function sidecarNames(pod: Pod): ReadonlySet<string> {
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  );
  return new Set(sidecars.map((container) => container.name));
}

function sidecarStatuses(pod: Pod): ContainerStatus[] {
  const names = sidecarNames(pod);
  return (pod.status?.initContainerStatuses ?? []).filter((status) => names.has(status.name));
}
