import type { Container, Pod } from '../../api/types.generated.ts';
import { isSidecar } from '../spec/resources.ts';
import type { ContainerRecord, PodRecord } from './record.ts';
import { currentContainer, restartAt, restarts } from './restart.ts';

export interface Wanted {
  /** Containers to start now. */
  readonly start: readonly Container[];
  /** When the next back-off ends. */
  readonly wakeAt?: number;
  /** Nothing of this pod will ever run again. */
  readonly ended: boolean;
}

type Verdict = {
  readonly start?: Container;
  readonly wakeAt?: number;
  readonly go: boolean;
  readonly failed?: boolean;
};

/** Which containers should start now: init containers one after another, then the others. Pure. */
export function wantedContainers(pod: Pod, record: PodRecord, now: number): Wanted {
  const start: Container[] = [];
  const wakes: number[] = [];
  const mainBegun = (pod.spec?.containers ?? []).some(
    ({ name }) => currentContainer(record, name) !== undefined,
  );
  if (mainsDone(pod, record)) return { start: [], ended: true };
  for (const container of pod.spec?.initContainers ?? []) {
    const verdict = judgeInit(pod, container, { record, mainBegun, now });
    if (verdict.start !== undefined) start.push(verdict.start);
    if (verdict.wakeAt !== undefined) wakes.push(verdict.wakeAt);
    if (verdict.failed === true) return { start: [], ended: true };
    if (!verdict.go) return result(start, wakes);
  }
  for (const container of pod.spec?.containers ?? []) {
    const at = startTimeOf(pod, container, record);
    if (at === undefined) continue;
    if (at > now) wakes.push(at);
    else {
      start.push(container);
      // What stands after a container with a postStart hook waits until the hook is done.
      if (container.lifecycle?.postStart !== undefined) break;
    }
  }
  return result(start, wakes);
}

function result(start: readonly Container[], wakes: readonly number[]): Wanted {
  return { start, ended: false, ...(wakes.length === 0 ? {} : { wakeAt: Math.min(...wakes) }) };
}

/** Whether every main container has ended for good. */
function mainsDone(pod: Pod, record: PodRecord): boolean {
  return (pod.spec?.containers ?? []).every((container) => {
    const exit = exitOf(record.containers[container.name]);
    return exit !== undefined && !restarts(pod, container, exit);
  });
}

function exitOf(record: ContainerRecord | undefined) {
  return record?.phase === 'exited' ? record.termination : undefined;
}

function judgeInit(
  pod: Pod,
  container: Container,
  context: { readonly record: PodRecord; readonly mainBegun: boolean; readonly now: number },
): Verdict {
  const { record, now } = context;
  const current = currentContainer(record, container.name);
  const sidecar = isSidecar(container);
  if (!sidecar && context.mainBegun) return { go: true };
  if (current === undefined || current.phase === 'starting') {
    const before = exitOf(record.containers[container.name]);
    const final = before !== undefined && before.exitCode !== 0 && !restarts(pod, container, before);
    return final ? { go: false, failed: true } : { start: container, go: context.mainBegun };
  }
  if (current.phase === 'running')
    return { go: context.mainBegun || (sidecar && current.started && current.postStarted) };
  const exit = exitOf(current);
  if (exit === undefined || (!sidecar && exit.exitCode === 0)) return { go: true };
  if (!restarts(pod, container, exit)) return { go: false, failed: true };
  const at = restartAt(current);
  return at > now ? { wakeAt: at, go: context.mainBegun } : { start: container, go: context.mainBegun };
}

/** When a main container should start: 0 for at once, undefined for not at all (it runs, or is done). */
function startTimeOf(pod: Pod, container: Container, record: PodRecord): number | undefined {
  const known = record.containers[container.name];
  const current = currentContainer(record, container.name);
  if (current?.phase === 'running') return undefined;
  const exit = exitOf(known);
  if (known === undefined || exit === undefined) return 0;
  return restarts(pod, container, exit) ? restartAt(known) : undefined;
}
