import type { Container, Pod } from '../../api/types.generated.ts';
import { LIMITS } from '../../lib/limits.ts';
import { isSidecar } from '../spec/resources.ts';
import type { ContainerRecord, PodRecord, Termination } from './record.ts';

/** Whether a container that ended this way starts again. */
export function restarts(pod: Pod, container: Container, exit: Termination): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? { operator: '' };
    const inside = values.includes(exit.exitCode);
    if (rule.action === 'Restart' && (operator === 'In' ? inside : operator === 'NotIn' && !inside))
      return true;
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (isInit(pod, container) && !isSidecar(container)) return policy !== 'Never' && exit.exitCode !== 0;
  return policy === 'Always' || (policy === 'OnFailure' && exit.exitCode !== 0);
}

export function isInit(pod: Pod, container: Container): boolean {
  return (pod.spec?.initContainers ?? []).some(({ name }) => name === container.name);
}

/** Milliseconds since the epoch before which it must not start again: none after the first crash, then doubling. */
export function restartAt(record: ContainerRecord): number {
  const exit = record.termination;
  if (exit === undefined) return 0;
  return exit.finishedAt + backoffMs(record.crashes);
}

export function backoffMs(crashes: number): number {
  if (crashes <= 1) return 0;
  return Math.min(LIMITS.crashBackoffMs * 2 ** (crashes - 2), LIMITS.crashBackoffMaxMs);
}

/** What was started in the sandbox that is there now; a new sandbox begins with nothing. */
export function currentContainer(record: PodRecord, name: string): ContainerRecord | undefined {
  const container = record.containers[name];
  return container?.sandboxAttempt === record.sandbox.attempt && record.sandbox.phase === 'made'
    ? container
    : undefined;
}
