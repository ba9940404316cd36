import type { Node, Pod } from '../api/types.generated.ts';
import { podRequests, type ResourceAmounts, sumAmounts, toAmounts } from './resources.ts';

/** What the scheduler decides from: plain values, so that a decision can be replayed and simulated. */
export interface Snapshot {
  readonly nodes: readonly NodeState[];
}

export interface NodeState {
  readonly node: Node;
  readonly name: string;
  /** What pods may ask for together. */
  readonly allocatable: ResourceAmounts;
  /** What the pods bound here ask for. */
  readonly requested: ResourceAmounts;
  readonly podCount: number;
  /** `protocol/hostIP/port` in use. */
  readonly hostPorts: ReadonlySet<string>;
}

/** @param pods every pod that is bound to a node and has not ended */
export function takeSnapshot(nodes: readonly Node[], pods: readonly Pod[]): Snapshot {
  const byNode = Map.groupBy(pods.filter(occupies), (pod) => pod.spec?.nodeName ?? '');
  return { nodes: nodes.map((node) => nodeState(node, byNode.get(node.metadata?.name ?? '') ?? [])) };
}

function nodeState(node: Node, pods: readonly Pod[]): NodeState {
  return {
    node,
    name: node.metadata?.name ?? '',
    allocatable: toAmounts(node.status?.allocatable ?? {}),
    requested: sumAmounts(pods.map(podRequests)),
    podCount: pods.length,
    hostPorts: new Set(pods.flatMap(hostPortsOf)),
  };
}

function occupies(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

export function hostPortsOf(pod: Pod): string[] {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort !== undefined && port.hostPort > 0)
    .map((port) => `${port.protocol ?? 'TCP'}/${port.hostIP ?? '0.0.0.0'}/${port.hostPort}`);
}
