import type { Pod } from '../api/types.generated.ts';
import { FILTERS } from './filters.ts';
import { podRequests } from './resources.ts';
import type { NodeState, Snapshot } from './snapshot.ts';

export type Placement =
  | { readonly kind: 'bind'; readonly node: string }
  /** `0/3 nodes are available: 2 Insufficient cpu, 1 Too many pods.` */
  | { readonly kind: 'unschedulable'; readonly message: string };

/** Where a pod goes: snapshot in, placement out, no I/O and no clock. */
export function plan(pod: Pod, snapshot: Snapshot): Placement {
  const reasons: string[] = [];
  const fitting: NodeState[] = [];
  for (const state of snapshot.nodes) {
    const reason = firstReason(pod, state);
    if (reason === undefined) fitting.push(state);
    else reasons.push(reason);
  }
  const best = mostRoom(pod, fitting);
  if (best !== undefined) return { kind: 'bind', node: best.name };
  return { kind: 'unschedulable', message: explain(reasons, snapshot.nodes.length) };
}

function firstReason(pod: Pod, state: NodeState): string | undefined {
  for (const filter of FILTERS) {
    const reason = filter(pod, state);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The node with the largest share of CPU and memory left once the pod runs there; by name where they are equal. */
function mostRoom(pod: Pod, states: readonly NodeState[]): NodeState | undefined {
  const requests = podRequests(pod);
  const scored = states.map((state) => ({ state, score: freeShare(state, requests) }));
  scored.sort((a, b) => b.score - a.score || (a.state.name < b.state.name ? -1 : 1));
  return scored[0]?.state;
}

/** 0 … 1, as upstream's LeastAllocated strategy averages it. */
function freeShare(state: NodeState, requests: Readonly<Record<string, number>>): number {
  const shares = ['cpu', 'memory'].map((name) => {
    const total = state.allocatable[name] ?? 0;
    if (total === 0) return 0;
    return (total - (state.requested[name] ?? 0) - (requests[name] ?? 0)) / total;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function explain(reasons: readonly string[], nodes: number): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const counts = [...Map.groupBy(reasons, (reason) => reason)].map(
    ([reason, all]) => `${all.length} ${reason}`,
  );
  return `0/${nodes} nodes are available: ${counts.sort().join(', ')}.`;
}
