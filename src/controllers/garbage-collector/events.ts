import { createHash } from 'node:crypto';
import type { OwnerReference } from '../../api/kind.ts';
import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { ControllerParts } from '../controller.ts';
import type { GraphNode } from './graph.ts';

const COMPONENT = 'garbage-collector-controller';

/**
 * Says on the dependent that it names an owner that cannot be its owner, since that is not in its namespace. One event
 * each: its name is made from what it says.
 */
export async function warnOfNamespace(
  { client, clock }: ControllerParts,
  about: { readonly node: GraphNode; readonly reference: OwnerReference; readonly signal: AbortSignal },
): Promise<void> {
  const { node, reference, signal } = about;
  const { apiVersion, kind, name, uid } = reference;
  const owner = `[${apiVersion}/${kind}, namespace: ${node.namespace}, name: ${name}, uid: ${uid}]`;
  const suffix = createHash('sha256').update(`${node.uid}/${uid}`).digest('hex').slice(0, 16);
  const namespace = node.namespace === '' ? 'default' : node.namespace;
  const now = toTime(clock.now());
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${node.name}.${suffix}`, namespace },
    involvedObject: {
      kind: node.kind?.kind,
      apiVersion: node.kind?.apiVersion,
      ...(node.namespace === '' ? {} : { namespace: node.namespace }),
      name: node.name,
      uid: node.uid,
    },
    type: 'Warning',
    reason: 'OwnerRefInvalidNamespace',
    message: `ownerRef ${owner} does not exist in namespace ${JSON.stringify(node.namespace)}`,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  await client
    .create({ apiVersion: 'v1', resource: 'events', namespace }, event, { signal })
    .catch((error) => {
      // It was said; or its namespace is going, and the dependent with it.
      if (!isCode(error, 'AlreadyExists', 'NotFound', 'Forbidden')) throw error;
    });
}
