import { type ApiObject, qualifiedResource } from '../../../api/kind.ts';
import type { ObjectMeta, Pod, PodSpec, PodTemplateSpec } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { LiveObjects } from '../../live.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';
import { partsOf } from '../pod-security/check.ts';
import { describe, violations } from '../pod-security/evaluate.ts';
import { warningsFor } from '../pod-security/namespace-pods.ts';
import { formatLevel, isStricter, type Policy, policyOf, sameLevel } from '../pod-security/policy.ts';
import { isSignificantUpdate } from '../pod-security/significant-update.ts';

/** Who is asked nothing. */
export interface Exemptions {
  readonly usernames: readonly string[];
  readonly namespaces: readonly string[];
  readonly runtimeClasses: readonly string[];
}

export const NO_EXEMPTIONS: Exemptions = { usernames: [], namespaces: [], runtimeClasses: [] };

const TEMPLATES: ReadonlySet<string> = new Set([
  'replicationcontrollers',
  'podtemplates',
  'replicasets.apps',
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
]);
/** What writes a pod besides itself; all others say nothing of its spec. */
const POD_SUBRESOURCES = ['', 'ephemeralcontainers', 'resize'];

/**
 * The Pod Security Standards, as a namespace's labels ask for them: pods are refused, those and their templates
 * warned of and noted for the audit log. https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function podSecurity(namespaces: LiveObjects, exemptions: Exemptions): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    handles: (request) => {
      const { kind, operation, subresource, user, namespace } = request;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
      if (isNamespace(request)) return subresource === '';
      const resource = qualifiedResource(kind);
      const isPod = resource === 'pods' && POD_SUBRESOURCES.includes(subresource);
      if (!isPod && !(TEMPLATES.has(resource) && subresource === '')) return false;
      return !exemptions.namespaces.includes(namespace) && !exemptions.usernames.includes(user.name);
    },
    async validate(request) {
      if (isNamespace(request)) return await checkNamespace(request, exemptions);
      const { namespace, reader, signal } = request;
      const found =
        namespaces.get('', namespace) ??
        (await reader.get('namespaces', { namespace: '', name: namespace }, signal));
      const policy = policyOf(found?.metadata.labels);
      const isFree = [policy.enforce, policy.audit, policy.warn].every(({ level }) => level === 'privileged');
      if (!isFree) checkPod(request, policy, exemptions);
    },
  };
}

function isNamespace({ kind }: AdmissionRequest): boolean {
  return kind.group === '' && kind.resource === 'namespaces';
}

async function checkNamespace(request: AdmissionRequest, exemptions: Exemptions): Promise<void> {
  const { object, old, name } = request;
  const policy = policyOf(object.metadata.labels);
  const before = policyOf(old?.metadata.labels);
  const known = new Set(before.faults.map(({ field, message }) => `${field} ${message}`));
  if (policy.faults.some(({ field, message }) => !known.has(`${field} ${message}`)))
    throw invalidLabels(request, policy);
  if (old === undefined || !isStricter(policy.enforce, before.enforce)) return;
  if (exemptions.namespaces.includes(name)) return;
  for (const warning of await warningsFor(request, { enforce: policy.enforce, exemptions }))
    request.warn(warning);
}

function invalidLabels({ name }: AdmissionRequest, { faults }: Policy): AmphoraError {
  const lines = faults.map(({ field, message }) => `${field}: ${message}`);
  const all = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new AmphoraError('Invalid', `Namespace ${JSON.stringify(name)} is invalid: ${all}`, {
    about: { group: '', kind: 'Namespace', name },
    details: faults,
  });
}

/** @throws Forbidden for a pod that the namespace does not take. */
function checkPod(request: AdmissionRequest, policy: Policy, { runtimeClasses }: Exemptions): void {
  const isPod = request.kind.resource === 'pods';
  if (isPod && request.old !== undefined && !isSignificantUpdate(podOf(request.object), podOf(request.old)))
    return;
  const found = templateOf(request.object);
  if (found === undefined || runtimeClasses.includes(found.spec.runtimeClassName ?? '')) return;
  const pod = partsOf(found.metadata, found.spec);
  const said = new Map<string, string>();
  const against = (level: Policy['enforce']): string => {
    const name = formatLevel(level);
    const known = said.get(name) ?? describe(violations(level, pod));
    said.set(name, known);
    return known;
  };
  const refused = isPod ? against(policy.enforce) : '';
  const noted = sameLevel(policy.audit, policy.enforce) && isPod ? refused : against(policy.audit);
  if (noted !== '')
    request.annotate(
      'pod-security.kubernetes.io/audit-violations',
      `would violate PodSecurity ${JSON.stringify(formatLevel(policy.audit))}: ${noted}`,
    );
  if (isPod) request.annotate('pod-security.kubernetes.io/enforce-policy', formatLevel(policy.enforce));
  if (refused !== '')
    throw forbidden(
      request,
      `violates PodSecurity ${JSON.stringify(formatLevel(policy.enforce))}: ${refused}`,
    );
  const warned = against(policy.warn);
  if (warned !== '')
    request.warn(`would violate PodSecurity ${JSON.stringify(formatLevel(policy.warn))}: ${warned}`);
}

function podOf(object: Readonly<ApiObject>): Pod {
  return object as unknown as Pod; // The registry conformed it.
}

/** The pod in a pod, or in what makes pods. */
function templateOf(object: Readonly<ApiObject>): { metadata: ObjectMeta; spec: PodSpec } | undefined {
  if (object.kind === 'Pod') {
    const { metadata = {}, spec } = podOf(object);
    return spec === undefined ? undefined : { metadata, spec };
  }
  // Each of these kinds has its template in one of three places.
  const { template, spec } = object as unknown as {
    readonly template?: PodTemplateSpec;
    readonly spec?: {
      readonly template?: PodTemplateSpec;
      readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplateSpec } };
    };
  };
  const found = template ?? spec?.template ?? spec?.jobTemplate?.spec?.template;
  return found?.spec === undefined ? undefined : { metadata: found.metadata ?? {}, spec: found.spec };
}
