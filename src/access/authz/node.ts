import type { User } from '../user.ts';
import type { AuthorizationRule } from './all.ts';
import type { Attributes, Opinion, ResourceAttributes } from './authorizer.ts';

const USER_PREFIX = 'system:node:';

/** What is bound to which node. Answers about what does not exist are false. */
export interface NodeGraph {
  podIsOn(node: string, pod: { namespace: string; name: string }, signal: AbortSignal): Promise<boolean>;
  /** Whether a pod bound to the node names this object in its spec. */
  isUsedOn(node: string, object: UsedObject, signal: AbortSignal): Promise<boolean>;
}

export interface UsedObject {
  readonly resource: 'secrets' | 'configmaps' | 'persistentvolumeclaims' | 'serviceaccounts';
  readonly namespace: string;
  readonly name: string;
}

/** The node that a user is, or undefined. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes('system:nodes') || !user.name.startsWith(USER_PREFIX)) return undefined;
  return user.name.slice(USER_PREFIX.length);
}

const READ = new Set(['get', 'list', 'watch']);
const WRITE = new Set(['create', 'update', 'patch']);

/** Read by every node: they say how to run and reach pods, and hold no secret. */
const READABLE = new Set([
  'services',
  'namespaces',
  'persistentvolumes',
  'endpointslices.discovery.k8s.io',
  'networkpolicies.networking.k8s.io',
  'runtimeclasses.node.k8s.io',
  'csidrivers.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
]);

const USED = new Set<string>(['secrets', 'configmaps', 'persistentvolumeclaims']);
const REVIEWS = new Set(['tokenreviews.authentication.k8s.io', 'subjectaccessreviews.authorization.k8s.io']);

interface Asked extends ResourceAttributes {
  /** `leases.coordination.k8s.io` */
  readonly qualified: string;
}

type NodeRule = (
  node: string,
  asked: Asked,
  graph: NodeGraph,
  signal: AbortSignal,
) => Promise<boolean> | boolean;

/**
 * What a node's agent may do: its Node and Lease, the pods bound to it, what those pods name, and events.
 * https://kubernetes.io/docs/reference/access-authn-authz/node/
 *
 * Coarse, because the body is not read yet: `create` of a Node, Lease, CSINode or Event is not checked for the name
 * inside; upstream does that in the NodeRestriction admission plugin. Secrets and ConfigMaps only by `get`, never
 * by list or watch.
 */
export function allowNodes(graph: NodeGraph): AuthorizationRule {
  return (user, attributes, signal) => {
    const node = nodeOf(user);
    return node === undefined || node === '' ? undefined : allowNode(node, attributes, { graph, signal });
  };
}

async function allowNode(
  node: string,
  attributes: Attributes,
  { graph, signal }: { graph: NodeGraph; signal: AbortSignal },
): Promise<Opinion | undefined> {
  if (attributes.kind === 'path') return undefined;
  const { group, resource } = attributes;
  const asked = { ...attributes, qualified: group === '' ? resource : `${resource}.${group}` };
  const rule = (Object.hasOwn(RULES, asked.qualified) ? RULES[asked.qualified] : undefined) ?? otherwise;
  return (await rule(node, asked, graph, signal)) ? { verdict: 'allow', reason: `node ${node}` } : undefined;
}

const RULES: Readonly<Record<string, NodeRule>> = {
  nodes: ownOrNew(['', 'status']),
  'leases.coordination.k8s.io': (node, asked) =>
    asked.namespace === 'kube-node-lease' && asked.subresource === '' && isOwn(node, asked),
  'csinodes.storage.k8s.io': ownOrNew(['']),
  // For a new certificate before the old one ends; what it may ask for is the signer's to say.
  'certificatesigningrequests.certificates.k8s.io': (_node, asked) =>
    (asked.verb === 'create' || READ.has(asked.verb)) && asked.subresource === '',
  // One event is read before it is counted on by an agent that was started again; listing them is not a node's business.
  events: (_node, asked) => (WRITE.has(asked.verb) || asked.verb === 'get') && asked.subresource === '',
  'events.events.k8s.io': (_node, asked) => WRITE.has(asked.verb) && asked.subresource === '',
  'nodes.amphora.dev': (node, { verb, subresource, name }) =>
    verb === 'create' && subresource === 'tunnel' && name === node,
  pods: mayUsePods,
  serviceaccounts: mayUseServiceAccounts,
};

function ownOrNew(subresources: readonly string[]): NodeRule {
  return (node, asked) => subresources.includes(asked.subresource) && isOwn(node, asked);
}

function isOwn(node: string, asked: Asked): boolean {
  if (asked.verb === 'create') return asked.name === '' || asked.name === node;
  if (asked.name !== '') return asked.name === node && (READ.has(asked.verb) || WRITE.has(asked.verb));
  return READ.has(asked.verb) && selects(asked.fieldSelector, 'metadata.name', node);
}

function mayUsePods(
  node: string,
  asked: Asked,
  graph: NodeGraph,
  signal: AbortSignal,
): Promise<boolean> | boolean {
  const { verb, subresource, namespace, name } = asked;
  if (name === '' || verb === 'list' || verb === 'watch')
    return subresource === '' && READ.has(verb) && selects(asked.fieldSelector, 'spec.nodeName', node);
  const allowed =
    (subresource === '' && (verb === 'get' || verb === 'delete')) ||
    (subresource === 'status' && (verb === 'get' || verb === 'update' || verb === 'patch'));
  return allowed && graph.podIsOn(node, { namespace, name }, signal);
}

function mayUseServiceAccounts(
  node: string,
  asked: Asked,
  graph: NodeGraph,
  signal: AbortSignal,
): Promise<boolean> | boolean {
  const { verb, subresource, namespace, name } = asked;
  const allowed = (subresource === 'token' && verb === 'create') || (subresource === '' && verb === 'get');
  if (!allowed || name === '') return false;
  return graph.isUsedOn(node, { resource: 'serviceaccounts', namespace, name }, signal);
}

function otherwise(
  node: string,
  asked: Asked,
  graph: NodeGraph,
  signal: AbortSignal,
): Promise<boolean> | boolean {
  const { verb, subresource, namespace, name, qualified } = asked;
  if (subresource !== '') return false;
  if (READABLE.has(qualified)) return READ.has(verb);
  if (REVIEWS.has(qualified)) return verb === 'create';
  if (!USED.has(qualified) || verb !== 'get' || name === '') return false;
  // The set above holds exactly the names of this union.
  const resource = qualified as UsedObject['resource'];
  return graph.isUsedOn(node, { resource, namespace, name }, signal);
}

/** Whether the selector has the term, so that at most the node's own can match. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  const terms = (selector ?? '').split(',').map((term) => term.trim());
  return terms.includes(`${field}=${value}`) || terms.includes(`${field}==${value}`);
}
