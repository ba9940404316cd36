import type { ContainerStatus, Pod } from '../../api/types.generated.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** The phase that follows from what the containers are doing, by kubelet's rules. Pure. */
export function phaseOf(
  pod: Pod,
  statuses: { readonly init: readonly ContainerStatus[]; readonly main: readonly ContainerStatus[] },
  ended: boolean,
): Phase {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const specs = pod.spec?.initContainers ?? [];
  const regular = statuses.init.filter((_, index) => specs[index]?.restartPolicy !== 'Always');
  const initFailed = regular.some((one) => (one.state?.terminated?.exitCode ?? 0) !== 0);
  const begun = statuses.main.some((one) => one.containerID !== undefined);
  if (initFailed && !begun && (policy === 'Never' || ended)) return 'Failed';
  if (ended) {
    const allWell = begun && statuses.main.every((one) => one.state?.terminated?.exitCode === 0);
    return allWell ? 'Succeeded' : 'Failed';
  }
  if (!begun) return 'Pending';
  if (statuses.main.some((one) => one.state?.running !== undefined)) return 'Running';
  const neverStarted = statuses.main.some(
    (one) => one.state?.waiting !== undefined && one.lastState?.terminated === undefined,
  );
  return neverStarted ? 'Pending' : 'Running';
}
