import type { Container, Pod } from '../api/types.generated.ts';
import { LIMITS } from '../lib/limits.ts';
import { currentContainer } from './pod/restart.ts';
import { type Plan, type PodState, type Step, type StepFailure, stepKey } from './pod/state.ts';
import { wantedContainers } from './pod/wanted.ts';
import { isSidecar } from './spec/resources.ts';

/** Steps that bring something into the world; while one is under way, nothing is torn down. */
const ACQUIRING: ReadonlySet<Step['kind']> = new Set([
  'prepare-image',
  'prepare-volumes',
  'attach-network',
  'create-sandbox',
  'start-container',
]);

/**
 * What to do next for a pod. Pure: no I/O, and the same answer for the same arguments. Without a pod (the
 * API has none of that UID any more) everything of it is taken down.
 */
export function plan(pod: Pod | undefined, state: PodState, now: number): Plan {
  const wanted = planAll(pod, state, now);
  const steps: Step[] = [];
  const wakes = wanted.wakeAt === undefined ? [] : [wanted.wakeAt];
  for (const step of wanted.steps) {
    const key = stepKey(step);
    if (state.inFlight.has(key)) continue;
    const failure = state.failures.get(key);
    if (failure !== undefined && failure.retryAt > now) wakes.push(failure.retryAt);
    else steps.push(step);
  }
  return { steps, ...(wakes.length === 0 ? {} : { wakeAt: Math.min(...wakes) }) };
}

function planAll(pod: Pod | undefined, state: PodState, now: number): Plan {
  if (pod === undefined) return planOrphan(state);
  if (pod.metadata?.deletionTimestamp !== undefined) return planDelete(pod, state, now);
  if (state.record.ended) return { steps: planRelease(pod, state, LIMITS.minimumGraceMs) };
  if (state.refusal !== undefined) return { steps: [] };
  if (state.record.verdict !== undefined) return planEnd(pod, state);
  return planRun(pod, state, now);
}

function planRun(pod: Pod, state: PodState, now: number): Plan {
  const deadline = deadlineOf(pod, state);
  const lost = state.record.sandbox.phase !== 'none' && state.sandbox === 'lost';
  if (lost) return { steps: acquiring(state) ? [] : [{ kind: 'remove-sandbox' }] };
  const wanted = wantedContainers(pod, state.record, now);
  if (wanted.ended) return planEnd(pod, state);
  const wakes = [wanted.wakeAt, deadline].filter((at) => at !== undefined);
  const steps =
    state.sandbox === 'ready' ? planContainers(pod, state, wanted.start) : planSandbox(pod, state);
  return { steps, ...(wakes.length === 0 ? {} : { wakeAt: Math.min(...wakes) }) };
}

/** Everything a sandbox needs at once, then the sandbox. */
function planSandbox(pod: Pod, state: PodState): Step[] {
  const { prepared } = state;
  const steps: Step[] = allContainers(pod)
    .filter(({ name }) => !prepared.images.has(name))
    .map(({ name }) => ({ kind: 'prepare-image', container: name }));
  if (!prepared.volumes) steps.push({ kind: 'prepare-volumes' });
  if (!prepared.network) steps.push({ kind: 'attach-network' });
  return steps.length > 0 ? steps : [{ kind: 'create-sandbox' }];
}

function planContainers(pod: Pod, state: PodState, start: readonly Container[]): Step[] {
  const steps: Step[] = start.map((container) => ({
    kind: 'start-container',
    container: container.name,
    attempt: nextAttempt(state, container.name),
  }));
  // ConfigMaps, Secrets and tokens change while a pod runs.
  if (!state.prepared.volumes) steps.push({ kind: 'prepare-volumes' });
  for (const container of allContainers(pod)) {
    const current = currentContainer(state.record, container.name);
    if (current?.phase !== 'running') continue;
    const probe = state.probes.get(container.name);
    if (probe?.liveness === 'failed' || probe?.startup === 'failed') {
      const which = probe.startup === 'failed' ? 'startup' : 'liveness';
      const seconds = container[`${which}Probe`]?.terminationGracePeriodSeconds;
      steps.push({
        kind: 'stop-container',
        container: container.name,
        graceMs: graceMsOf(seconds ?? pod.spec?.terminationGracePeriodSeconds),
        message: `Container ${container.name} failed ${which} probe, will be restarted`,
      });
    } else if (!current.postStarted) steps.push({ kind: 'run-post-start', container: container.name });
  }
  return steps;
}

/** An attempt that never got to run is tried again under its own number. */
function nextAttempt(state: PodState, name: string): number {
  const record = state.record.containers[name];
  if (record === undefined) return 0;
  return record.phase === 'starting' ? record.attempt : record.attempt + 1;
}

/** No container will run again: sidecars stop, and what the pod held is given back. */
function planEnd(pod: Pod, state: PodState): Plan {
  if (acquiring(state)) return { steps: [] };
  const stops = planStops(pod, state, graceMsOf(pod.spec?.terminationGracePeriodSeconds));
  if (stops.length > 0) return { steps: stops };
  return { steps: [{ kind: 'end-pod' }] };
}

function planDelete(pod: Pod, state: PodState, now: number): Plan {
  if (acquiring(state)) return { steps: [] };
  const steps = planRelease(pod, state, remainingGraceMs(pod, now));
  return { steps: steps.length > 0 ? steps : [{ kind: 'delete-pod' }] };
}

/** Stop, then remove the sandbox, then the volumes: nothing goes while something may still use it. */
function planRelease(pod: Pod, state: PodState, graceMs: number): Step[] {
  const stops = planStops(pod, state, graceMs);
  if (stops.length > 0) return stops;
  if (state.sandbox !== 'none' || state.record.sandbox.phase !== 'none') return [{ kind: 'remove-sandbox' }];
  return state.volumesLeft ? [{ kind: 'teardown-volumes' }] : [];
}

/** Main containers together; sidecars afterwards, the last one first. */
function planStops(pod: Pod, state: PodState, graceMs: number): Step[] {
  if (state.sandbox !== 'ready') return [];
  const running = (container: Container) =>
    currentContainer(state.record, container.name)?.phase === 'running';
  const init = (pod.spec?.initContainers ?? []).filter(running);
  const first = [...(pod.spec?.containers ?? []), ...(pod.spec?.ephemeralContainers ?? [])].filter(running);
  const targets = first.length > 0 ? [...first, ...init.filter((one) => !isSidecar(one))] : init.slice(-1);
  return targets.map(({ name }) => ({
    kind: 'stop-container',
    container: name,
    graceMs,
    message: `Stopping container ${name}`,
  }));
}

function planOrphan(state: PodState): Plan {
  if (acquiring(state)) return { steps: [] };
  const running = Object.values(state.record.containers).some(({ phase }) => phase === 'running');
  if (state.sandbox === 'ready' && running)
    return { steps: [{ kind: 'stop-all', graceMs: LIMITS.minimumGraceMs }] };
  if (state.sandbox !== 'none' || state.record.sandbox.phase !== 'none')
    return { steps: [{ kind: 'remove-sandbox' }] };
  if (state.volumesLeft) return { steps: [{ kind: 'teardown-volumes' }] };
  return { steps: [{ kind: 'forget' }] };
}

function acquiring(state: PodState): boolean {
  return [...state.inFlight].some((key) =>
    [...ACQUIRING].some((kind) => key === kind || key.startsWith(`${kind}/`)),
  );
}

export function allContainers(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

function graceMsOf(seconds: number | undefined): number {
  return Math.max((seconds ?? 30) * 1000, LIMITS.minimumGraceMs);
}

/** `deletionTimestamp` is when the grace ends, so an agent that was away gives what is left of it. */
function remainingGraceMs(pod: Pod, now: number): number {
  const whole =
    (pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  const left = Date.parse(pod.metadata?.deletionTimestamp ?? '') - now;
  return Math.max(Math.min(whole, Number.isNaN(left) ? whole : left), LIMITS.minimumGraceMs);
}

/** When `activeDeadlineSeconds` is over, in milliseconds since the epoch. */
export function deadlineOf(pod: Pod, state: Pick<PodState, 'record'>): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined ? undefined : state.record.startTime + seconds * 1000;
}

/** A failed step waits longer each time, up to a bound. */
export function nextFailure(
  before: StepFailure | undefined,
  failure: {
    readonly reason: string;
    readonly message: string;
    readonly firstMs: number;
    readonly now: number;
  },
): StepFailure {
  const count = (before?.count ?? 0) + 1;
  const wait = Math.min(failure.firstMs * 2 ** (count - 1), LIMITS.stepBackoffMaxMs);
  return {
    reason: failure.reason,
    message: failure.message,
    count,
    at: failure.now,
    retryAt: failure.now + wait,
  };
}
