import type { PodStatus } from '../../api/types.generated.ts';

/** Whether somebody may be waiting for this change: anything but what a pod that is still being made waits for. */
export function isUrgent(status: PodStatus, before: PodStatus | undefined): boolean {
  if (status.phase !== 'Pending' || status.phase !== (before?.phase ?? 'Pending')) return true;
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return all.some((one) => one.containerID !== undefined);
}
