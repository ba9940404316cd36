import type { Pod } from '../api/types.generated.ts';
import { matchesNodeSelection, untoleratedTaint } from './match.ts';
import { podRequests } from './resources.ts';
import { hostPortsOf, type NodeState } from './snapshot.ts';

/** Says why a pod can't run on a node, in upstream's words, or nothing when it can. Pure. */
export type Filter = (pod: Pod, state: NodeState) => string | undefined;

/** In order, cheapest and most telling first; the first reason is the one people read. */
export const FILTERS: readonly Filter[] = [
  nodeName,
  unschedulable,
  nodeSelection,
  taints,
  hostPorts,
  podCount,
  resources,
];

function nodeName(pod: Pod, state: NodeState): string | undefined {
  const wanted = pod.spec?.nodeName;
  return wanted === undefined || wanted === '' || wanted === state.name
    ? undefined
    : "node(s) didn't match the requested node name";
}

function unschedulable(pod: Pod, state: NodeState): string | undefined {
  if (state.node.spec?.unschedulable !== true) return undefined;
  const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  const node = { ...state.node, spec: { taints: [taint] } };
  return untoleratedTaint(pod, node) === undefined ? undefined : 'node(s) were unschedulable';
}

function nodeSelection(pod: Pod, state: NodeState): string | undefined {
  return matchesNodeSelection(pod, state.node)
    ? undefined
    : "node(s) didn't match Pod's node affinity/selector";
}

function taints(pod: Pod, state: NodeState): string | undefined {
  const taint = untoleratedTaint(pod, state.node);
  return taint === undefined
    ? undefined
    : `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
}

function hostPorts(pod: Pod, state: NodeState): string | undefined {
  const clash = hostPortsOf(pod).some((port) => state.hostPorts.has(port));
  return clash ? "node(s) didn't have free ports for the requested pod ports" : undefined;
}

function podCount(_pod: Pod, state: NodeState): string | undefined {
  return state.podCount + 1 > (state.allocatable.pods ?? 0) ? 'Too many pods' : undefined;
}

function resources(pod: Pod, state: NodeState): string | undefined {
  const short = Object.entries(podRequests(pod)).find(
    ([name, wanted]) => wanted > 0 && (state.requested[name] ?? 0) + wanted > (state.allocatable[name] ?? 0),
  );
  return short === undefined ? undefined : `Insufficient ${short[0]}`;
}
