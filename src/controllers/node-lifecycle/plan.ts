import type { Lease, Node, NodeCondition, Taint } from '../../api/types.generated.ts';
import { toTime } from '../../lib/clock.ts';

/** How long a node may be silent before it counts as lost; upstream's default. */
export const GRACE_MS = 40_000;

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

export type NodeStep =
  | { readonly kind: 'mark-unknown'; readonly conditions: readonly NodeCondition[] }
  | { readonly kind: 'taint'; readonly taints: readonly Taint[] };

/** What a node's silence or its Ready condition asks for. @param now milliseconds since the epoch */
export function planNode(node: Node, lease: Lease | undefined, now: number): NodeStep[] {
  const lost = now - lastHeard(node, lease) > GRACE_MS;
  const ready = lost ? 'Unknown' : (conditionOf(node)?.status ?? 'Unknown');
  const steps: NodeStep[] = [];
  if (lost && conditionOf(node)?.status !== 'Unknown') {
    steps.push({ kind: 'mark-unknown', conditions: unknownConditions(node, toTime(now)) });
  }
  const taints = wantedTaints(node, ready);
  if (!sameTaints(taints, node.spec?.taints ?? [])) steps.push({ kind: 'taint', taints });
  return steps;
}

function lastHeard(node: Node, lease: Lease | undefined): number {
  const times = [
    lease?.spec?.renewTime,
    conditionOf(node)?.lastHeartbeatTime,
    node.metadata?.creationTimestamp,
  ];
  return Math.max(...times.map((time) => (time === undefined ? 0 : Date.parse(time))));
}

function conditionOf(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === 'Ready');
}

function unknownConditions(node: Node, time: string): NodeCondition[] {
  const types = new Set(['Ready', ...(node.status?.conditions ?? []).map((condition) => condition.type)]);
  return [...types].map((type) => ({
    type,
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'The node stopped posting its status: is the node process running there?',
    lastTransitionTime: time,
  }));
}

/** Other people's taints stay; ours follow readiness. NoExecute is left to who evicts pods. */
function wantedTaints(node: Node, ready: string): Taint[] {
  const others = (node.spec?.taints ?? []).filter(
    (taint) => taint.effect !== 'NoSchedule' || (taint.key !== NOT_READY && taint.key !== UNREACHABLE),
  );
  if (ready === 'True') return others;
  return [...others, { key: ready === 'Unknown' ? UNREACHABLE : NOT_READY, effect: 'NoSchedule' }];
}

function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const key = (taint: Taint) => `${taint.key}=${taint.value ?? ''}:${taint.effect}`;
  return a.map(key).sort().join() === b.map(key).sort().join();
}
