import type { Container, ContainerStatus, Pod, PodCondition } from '../../api/types.generated.ts';
import { toTime } from '../../lib/clock.ts';
import { isSidecar } from '../spec/resources.ts';
import type { Phase } from './phase.ts';

export interface ConditionFacts {
  readonly phase: Phase;
  readonly init: readonly ContainerStatus[];
  readonly main: readonly ContainerStatus[];
  readonly sandboxReady: boolean;
  readonly now: number;
  readonly refusal?: { readonly reason: string; readonly message: string };
}

type Judgement = {
  readonly type: string;
  readonly ok: boolean;
  readonly reason?: string;
  readonly message?: string;
};

/** The conditions that are the node's to set; those of others (PodScheduled, readiness gates) are not touched. */
export function conditionsOf(pod: Pod, facts: ConditionFacts): PodCondition[] {
  const containers = readyJudgement(pod, facts);
  const judgements: Judgement[] = [
    sandboxJudgement(facts),
    initializedJudgement(pod, facts),
    { ...containers, type: 'ContainersReady' },
    gated(pod, containers),
  ];
  return judgements.map((judgement) => stamp(pod, judgement, facts.now));
}

function sandboxJudgement(facts: ConditionFacts): Judgement {
  const type = 'PodReadyToStartContainers';
  if (facts.refusal === undefined) return { type, ok: facts.sandboxReady };
  return { type, ok: false, ...facts.refusal };
}

function initializedJudgement(pod: Pod, facts: ConditionFacts): Judgement {
  const type = 'Initialized';
  if (facts.phase === 'Succeeded') return { type, ok: true, reason: 'PodCompleted' };
  const begun = facts.main.some((one) => one.containerID !== undefined);
  const specs = pod.spec?.initContainers ?? [];
  const incomplete = facts.init
    .filter((status, index) => !isInitDone(specs[index], status))
    .map(({ name }) => name);
  if (begun || incomplete.length === 0) return { type, ok: true };
  return {
    type,
    ok: false,
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function isInitDone(container: Container | undefined, status: ContainerStatus): boolean {
  return container !== undefined && isSidecar(container) ? status.started === true : status.ready;
}

function readyJudgement(pod: Pod, facts: ConditionFacts): Judgement {
  const type = 'Ready';
  if (facts.phase === 'Succeeded') return { type, ok: false, reason: 'PodCompleted' };
  if (facts.phase === 'Failed') return { type, ok: false, reason: 'PodFailed' };
  const specs = pod.spec?.initContainers ?? [];
  const sidecars = facts.init.filter((_, index) => {
    const container = specs[index];
    return container !== undefined && isSidecar(container);
  });
  const unready = [...sidecars, ...facts.main].filter((one) => !one.ready).map(({ name }) => name);
  if (unready.length === 0) return { type, ok: true };
  return {
    type,
    ok: false,
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

/** Ready also waits for what others say about the pod. */
function gated(pod: Pod, containers: Judgement): Judgement {
  if (!containers.ok) return containers;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const found = pod.status?.conditions?.find(({ type }) => type === conditionType);
    if (found === undefined)
      messages.push(
        `corresponding condition of pod readiness gate ${JSON.stringify(conditionType)} does not exist.`,
      );
    else if (found.status !== 'True')
      messages.push(
        `the status of pod readiness gate ${JSON.stringify(conditionType)} is not "True", but ${found.status}`,
      );
  }
  if (messages.length === 0) return containers;
  return { type: 'Ready', ok: false, reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function stamp(pod: Pod, judgement: Judgement, now: number): PodCondition {
  const status = judgement.ok ? 'True' : 'False';
  const before = pod.status?.conditions?.find(({ type }) => type === judgement.type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  const generation = pod.metadata?.generation;
  return {
    type: judgement.type,
    status,
    lastTransitionTime: since ?? toTime(now),
    ...(judgement.reason === undefined ? {} : { reason: judgement.reason }),
    ...(judgement.message === undefined ? {} : { message: judgement.message }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}
