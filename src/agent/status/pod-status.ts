import type { NodeAddress, Pod, PodCondition, PodStatus } from '../../api/types.generated.ts';
import { toTime } from '../../lib/clock.ts';
import type { PodState } from '../pod/state.ts';
import { qosOf } from '../spec/resources.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import { phaseOf } from './phase.ts';

export interface StatusContext {
  readonly hostAddresses: readonly NodeAddress[];
  readonly now: number;
}

/** The status the node reports for a pod: all fields that are the node's, and no other. Pure. */
export function podStatus(pod: Pod, state: PodState, context: StatusContext): PodStatus {
  const { record } = state;
  const gone = pod.metadata?.deletionTimestamp !== undefined;
  const ended = record.ended || (gone && !anyRunning(state));
  const view = { pod, state, now: context.now, stopping: ended || gone || record.verdict !== undefined };
  const init = (pod.spec?.initContainers ?? []).map((container) => containerStatus({ ...view, container }));
  const main = (pod.spec?.containers ?? []).map((container) => containerStatus({ ...view, container }));
  const derived = phaseOf(pod, { init, main }, ended);
  const phase = record.verdict !== undefined && ended ? 'Failed' : derived;
  const hostIps = context.hostAddresses
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => ({ ip: address }));
  const ips = pod.spec?.hostNetwork === true ? hostIps : record.addresses.map((ip) => ({ ip }));
  const facts = {
    phase,
    init,
    main,
    now: context.now,
    sandboxReady: state.sandbox === 'ready' && record.sandbox.phase === 'made' && !ended,
    ...(state.refusal === undefined ? {} : { refusal: state.refusal }),
  };
  const why = record.verdict ?? state.refusal;
  return {
    phase,
    conditions: conditionsOf(pod, facts),
    startTime: pod.status?.startTime ?? toTime(record.startTime),
    qosClass: pod.status?.qosClass ?? qosOf(pod),
    ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0].ip, hostIPs: hostIps }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0].ip, podIPs: ips }),
    containerStatuses: main,
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    ...(why === undefined ? {} : { reason: why.reason, message: why.message }),
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

function anyRunning(state: PodState): boolean {
  return (
    state.sandbox === 'ready' &&
    Object.values(state.record.containers).some(({ phase }) => phase === 'running')
  );
}

/** Whether two statuses say the same, whatever the order of their members. Conditions of others are left out. */
export function sameStatus(wanted: PodStatus, present: PodStatus | undefined): boolean {
  if (present === undefined) return false;
  const types = new Set(wanted.conditions?.map(({ type }) => type));
  const narrowed: PodStatus = {};
  for (const key of Object.keys(wanted)) Object.assign(narrowed, { [key]: Reflect.get(present, key) });
  const conditions = (present.conditions ?? []).filter(({ type }) => types.has(type));
  const inOrder = (wanted.conditions ?? []).map(({ type }) => conditions.find((one) => one.type === type));
  return canonical(wanted) === canonical({ ...narrowed, conditions: inOrder.filter(isCondition) });
}

function isCondition(value: PodCondition | undefined): value is PodCondition {
  return value !== undefined;
}

/** JSON with sorted keys, and without what says nothing: absent, null, empty. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member ?? undefined;
    const entries = Object.entries(member).filter(([, one]) => one !== null && !isEmpty(one));
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
