import type { Node } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { GRACE_MS, type NodeStep, planNode } from './plan.ts';

/** Marks a node that went silent, and keeps new pods off nodes that are not ready. */
export function nodeLifecycleController({ client, informers, clock }: ControllerParts): Controller {
  return {
    name: 'node-lifecycle',
    // A lease that is renewed changes nothing about its node: it is read when the node's own time comes.
    sources: [{ informer: informers.nodes, keyOf: (key) => key }],
    async reconcile(key, signal) {
      const node = informers.nodes.get(key);
      if (node === undefined) return undefined;
      await informers.leases.whenSynced(signal);
      const lease = informers.leases.get(`kube-node-lease/${key}`);
      for (const step of planNode(node, lease, clock.now())) await act(client, step, { node, signal });
      return { againAfterMs: GRACE_MS / 4 };
    },
  };
}

async function act(
  client: Client,
  step: NodeStep,
  { node, signal }: { node: Node; signal: AbortSignal },
): Promise<void> {
  const reference = { apiVersion: 'v1', resource: 'nodes', name: node.metadata?.name ?? '' };
  if (step.kind === 'mark-unknown') {
    const body = { status: { conditions: step.conditions } };
    await client.patch({ ...reference, subresource: 'status' }, { type: 'strategic', body }, { signal });
  } else {
    const body = {
      metadata: { resourceVersion: node.metadata?.resourceVersion },
      spec: { taints: step.taints },
    };
    await client.patch(reference, { type: 'merge', body }, { signal });
  }
}
