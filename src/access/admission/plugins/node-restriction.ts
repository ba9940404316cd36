import { parseCertificateRequest } from '../../../api/certificates/certificate-request.ts';
import { SIGNERS } from '../../../api/certificates/signers.ts';
import { equalJson, isJsonObject } from '../../../api/json.ts';
import { type ApiObject, qualifiedResource } from '../../../api/kind.ts';
import { nodeOf } from '../../authz/node.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';
import { textAt } from '../fields.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const LEASES = 'kube-node-lease';
/** Labels that only an administrator gives: pods that must not run beside strangers select by them. */
const RESTRICTED = /(^|\.)node-restriction\.kubernetes\.io\//;

/**
 * What the authorizer cannot see because it is in the body: a node writes only its own Node, Lease and CSINode, and
 * pods only if they are bound to it.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
 */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  handles: ({ user }) => nodeOf(user) !== undefined,
  async validate(request) {
    const node = nodeOf(request.user);
    if (node === undefined) return;
    const resource = qualifiedResource(request.kind);
    const check = Object.hasOwn(CHECKS, resource) ? CHECKS[resource] : undefined;
    const why = await check?.(request, node);
    if (why !== undefined) throw forbidden(request, why);
  },
};

/** What a node does wrong, or undefined. */
type Check = (request: AdmissionRequest, node: string) => string | undefined | Promise<string | undefined>;

const CHECKS: Readonly<Record<string, Check>> = {
  nodes: checkNode,
  'leases.coordination.k8s.io': checkLease,
  'csinodes.storage.k8s.io': checkOwnName,
  'certificatesigningrequests.certificates.k8s.io': checkCertificateRequest,
  pods: checkPod,
};

/** By the name in the object: that of a create's address is empty. */
function checkOwnName({ object, operation }: AdmissionRequest, node: string): string | undefined {
  const { name } = object.metadata;
  if (name === node) return undefined;
  return `node ${JSON.stringify(node)} is not allowed to ${operation.toLowerCase()} ${JSON.stringify(name)}: it may only write its own`;
}

/** A node asks for certificates of its own name only, whoever would approve another. */
function checkCertificateRequest(request: AdmissionRequest, node: string): string | undefined {
  const { operation, object, subresource } = request;
  const spec = isJsonObject(object.spec) ? object.spec : {};
  const signer = textAt(spec, 'signerName');
  if (operation !== 'CREATE' || subresource !== '') return undefined;
  if (signer !== SIGNERS.kubeletClient && signer !== SIGNERS.kubeletServing) return undefined;
  const pem = Buffer.from(textAt(spec, 'request'), 'base64').toString('latin1');
  const wanted = `system:node:${node}`;
  return parseCertificateRequest(pem).commonName === wanted
    ? undefined
    : `can only create a node CSR with CN=${wanted}`;
}

function checkLease(request: AdmissionRequest, node: string): string | undefined {
  if (request.object.metadata.namespace !== LEASES)
    return `node ${JSON.stringify(node)} may only write leases in the namespace ${JSON.stringify(LEASES)}`;
  return checkOwnName(request, node);
}

function checkNode(request: AdmissionRequest, node: string): string | undefined {
  const { object, old, name } = request;
  const labels = changedLabels(object, old).filter(isForbiddenLabel).sort().join(', ');
  if (old === undefined && labels !== '') return `is not allowed to set the following labels: ${labels}`;
  const asked = object.metadata.name || name;
  if (asked !== node)
    return `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(asked)}`;
  if (request.operation === 'DELETE') return 'a node may not delete itself';
  if (labels !== '') return `is not allowed to modify labels: ${labels}`;
  if (old === undefined) return undefined;
  const spec = isJsonObject(object.spec) ? object.spec : {};
  const before = isJsonObject(old.spec) ? old.spec : {};
  if (!equalJson(spec.taints ?? [], before.taints ?? [])) return 'is not allowed to modify taints';
  if (spec.configSource !== undefined && !equalJson(spec.configSource, before.configSource))
    return 'is not allowed to update configSource to a new non-nil configSource';
  return equalJson(object.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])
    ? undefined
    : 'is not allowed to modify ownerReferences';
}

/** Labels that a node says of itself; all others of Kubernetes are not its to give. */
const OWN_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
]);
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

function isForbiddenLabel(label: string): boolean {
  if (RESTRICTED.test(label)) return true;
  const slash = label.indexOf('/');
  const domain = slash < 0 ? '' : label.slice(0, slash);
  if (!['kubernetes.io', 'k8s.io'].some((one) => isWithin(domain, one))) return false;
  return !OWN_LABELS.has(label) && !OWN_DOMAINS.some((one) => isWithin(domain, one));
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

function changedLabels(object: Readonly<ApiObject>, old: Readonly<ApiObject> | undefined): string[] {
  const { labels = {} } = object.metadata;
  const before = old?.metadata.labels ?? {};
  return [...new Set([...Object.keys(labels), ...Object.keys(before)])].filter(
    (label) => labels[label] !== before[label],
  );
}

function checkPod(request: AdmissionRequest, node: string): ReturnType<Check> {
  const { object, old, operation, subresource } = request;
  if (subresource === 'eviction') return checkEviction(request, node);
  if (subresource !== '' && subresource !== 'status')
    return `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`;
  const bound = boundTo(old ?? object);
  if (operation === 'CREATE' && subresource === '') return checkMirror(object, node);
  if (bound !== node)
    return `node ${JSON.stringify(node)} can only ${subresource === 'status' ? 'update pod status for pods' : `${operation.toLowerCase()} pods`} with spec.nodeName set to itself`;
  if (operation !== 'UPDATE') return undefined;
  if (subresource !== 'status') return `node ${JSON.stringify(node)} may only write the status of a pod`;
  return changedLabels(object, old).length > 0 ? 'cannot update labels through pod status' : undefined;
}

async function checkEviction(
  { reader, namespace, name, signal }: AdmissionRequest,
  node: string,
): Promise<string | undefined> {
  const pod = await reader.get('pods', { namespace, name }, signal);
  if (pod === undefined || boundTo(pod) === node) return undefined;
  return `node ${JSON.stringify(node)} can only evict pods with spec.nodeName set to itself`;
}

/** What a node runs from a file of its own it may show, and nothing else may it create. */
function checkMirror(pod: Readonly<ApiObject>, node: string): string | undefined {
  if (pod.metadata.annotations?.[MIRROR] === undefined)
    return `pod does not have ${JSON.stringify(MIRROR)} annotation, node ${JSON.stringify(node)} can only create mirror pods`;
  if (boundTo(pod) !== node)
    return `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`;
  const spec = isJsonObject(pod.spec) ? pod.spec : {};
  if (textAt(spec, 'serviceAccountName') !== '') return 'a mirror pod may not reference a service account';
  const text = JSON.stringify(spec);
  // Any reference at all: through a mirror pod a node would come to read what it names.
  const referenced = [
    'secretName',
    'secretRef',
    'secretKeyRef',
    'configMap',
    'configMapRef',
    'configMapKeyRef',
    'persistentVolumeClaim',
    'imagePullSecrets',
  ];
  const found = referenced.find((field) => text.includes(`"${field}":`));
  return found === undefined ? undefined : `a mirror pod may not reference other objects (${found})`;
}

function boundTo(pod: Readonly<ApiObject>): string {
  return isJsonObject(pod.spec) ? textAt(pod.spec, 'nodeName') : '';
}
