import type { Container, ContainerState, ContainerStatus, Pod } from '../../api/types.generated.ts';
import { toTime } from '../../lib/clock.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';
import type { ContainerRecord, Termination } from '../pod/record.ts';
import { sandboxIdOf } from '../pod/record.ts';
import { backoffMs, restartAt, restarts } from '../pod/restart.ts';
import type { PodState } from '../pod/state.ts';

export interface ContainerView {
  readonly pod: Pod;
  readonly container: Container;
  readonly state: PodState;
  readonly now: number;
  /** Nothing starts any more: the pod is being deleted or has ended. */
  readonly stopping: boolean;
}

export function containerStatus(view: ContainerView): ContainerStatus {
  const { container, state } = view;
  const record = state.record.containers[container.name];
  const shown = stateOf(view, record);
  const running = shown.running !== undefined;
  const probe = state.probes.get(container.name);
  const started = running && record?.started === true && record.postStarted === true;
  const last = shown.terminated === undefined ? (record?.termination ?? record?.previous) : record?.previous;
  const image = state.record.images[container.name];
  const init =
    (view.pod.spec?.initContainers ?? []).includes(container) && container.restartPolicy !== 'Always';
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: image?.imageId ?? '',
    ready: init
      ? shown.terminated?.exitCode === 0
      : started && (probe?.ready ?? container.readinessProbe === undefined),
    started,
    restartCount: record?.attempt ?? 0,
    state: shown,
    lastState: last === undefined ? {} : { terminated: terminatedOf(view, last) },
    ...(record === undefined ? {} : { containerID: containerIdOf(view, record.attempt) }),
    ...(container.resources === undefined || Object.keys(container.resources).length === 0
      ? {}
      : { resources: container.resources }),
  };
}

function containerIdOf(view: ContainerView, attempt: number): string {
  const { record } = view.state;
  return `${record.engine}://${sandboxIdOf(record)}-${view.container.name}-${attempt}`;
}

function stateOf(view: ContainerView, record: ContainerRecord | undefined): ContainerState {
  const failure = failureOf(view);
  if (record?.phase === 'running') return { running: { startedAt: toTime(record.startedAt ?? view.now) } };
  const exit = record?.phase === 'exited' ? record.termination : undefined;
  if (exit === undefined) return { waiting: failure ?? { reason: idleReason(view) } };
  if (view.stopping || !restarts(view.pod, view.container, exit))
    return { terminated: terminatedOf(view, exit) };
  if (failure !== undefined) return { waiting: failure };
  if (record === undefined || restartAt(record) <= view.now) return { terminated: terminatedOf(view, exit) };
  return { waiting: { reason: 'CrashLoopBackOff', message: crashMessage(view, record) } };
}

function crashMessage(view: ContainerView, record: ContainerRecord): string {
  const { name, namespace, uid } = view.state.record;
  const wait = goDuration(backoffMs(record.crashes));
  return `back-off ${wait} restarting failed container=${view.container.name} pod=${name}_${namespace}(${uid})`;
}

/** `10s`, `2m40s`: as Go writes durations. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** Why a container that should start did not. */
function failureOf(view: ContainerView): { reason: string; message: string } | undefined {
  const { failures, refusal } = view.state;
  if (refusal !== undefined) return refusal;
  const pull = failures.get(`prepare-image/${view.container.name}`);
  if (pull !== undefined) {
    const backingOff = pull.reason === 'ErrImagePull' && view.now - pull.at >= LIMITS.stepBackoffMs;
    return backingOff
      ? {
          reason: 'ImagePullBackOff',
          message: `Back-off pulling image ${JSON.stringify(view.container.image)}: ${pull.reason}: ${pull.message}`,
        }
      : { reason: pull.reason, message: pull.message };
  }
  const start = failures.get(`start-container/${view.container.name}`);
  return start === undefined ? undefined : { reason: start.reason, message: start.message };
}

function idleReason(view: ContainerView): string {
  return (view.pod.spec?.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
}

function terminatedOf(view: ContainerView, exit: Termination) {
  return {
    exitCode: exit.exitCode,
    reason: exit.reason,
    startedAt: toTime(exit.startedAt),
    finishedAt: toTime(exit.finishedAt),
    containerID: containerIdOf(view, exit.attempt),
    ...(exit.message === '' ? {} : { message: exit.message }),
  };
}
