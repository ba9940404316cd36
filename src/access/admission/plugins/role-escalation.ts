import { equalJson } from '../../../api/json.ts';
import type { ApiObject } from '../../../api/kind.ts';
import type { ClusterRole, PolicyRule, RoleBinding } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { compact, describeRule, quotedList, uncovered } from '../../authz/rbac/covers.ts';
import { RBAC_GROUP } from '../../authz/rbac/rbac.ts';
import type { AccessParts } from '../access-parts.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';

/** What an aggregated role could come to hold. */
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * Nobody gives what they do not hold: a role needs its rules or `escalate`, a binding its role's rules or `bind`.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
export function roleEscalation(parts: AccessParts): AdmissionPlugin {
  return {
    name: 'RoleEscalation',
    handles: ({ kind, operation, user }) =>
      kind.group === RBAC_GROUP && operation !== 'DELETE' && !user.groups.includes('system:masters'),
    async validate(request) {
      const { kind, object, old } = request;
      if (old !== undefined && onlyCollectorFieldsDiffer(object, old)) return;
      if (kind.resource.endsWith('bindings')) await checkBinding(parts, request);
      else await checkRole(parts, request);
    },
  };
}

async function checkRole(parts: AccessParts, request: AdmissionRequest): Promise<void> {
  const { kind, namespace, name, object, old } = request;
  const asked = { resource: kind.resource, namespace, name: request.operation === 'CREATE' ? '' : name };
  if (await may(parts, request, { verb: 'escalate', ...asked })) return;
  const role = object as unknown as ClusterRole; // The registry conformed it; a Role has the same rules.
  confirmHeld(parts, request, role.rules ?? []);
  if (role.aggregationRule === undefined && old?.aggregationRule === undefined) return;
  if (uncovered(parts.rbac.rulesFor(request.user, '').rules, EVERYTHING).length > 0)
    throw forbidden(request, 'must have cluster-admin privileges to use aggregationRule');
}

async function checkBinding(parts: AccessParts, request: AdmissionRequest): Promise<void> {
  const { roleRef } = request.object as unknown as RoleBinding; // The registry conformed it.
  const { namespace } = request;
  const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
  if (await may(parts, request, { verb: 'bind', resource, namespace, name: roleRef.name })) return;
  const rules = parts.rbac.rulesOf(roleRef, namespace);
  if (rules === undefined)
    throw new AmphoraError(
      'NotFound',
      `${resource}.${RBAC_GROUP} ${JSON.stringify(roleRef.name)} not found`,
      { about: { group: RBAC_GROUP, kind: resource, name: roleRef.name } },
    );
  confirmHeld(parts, request, rules);
}

async function may(
  { authorizer }: AccessParts,
  { user, signal }: AdmissionRequest,
  asked: { verb: string; resource: string; namespace: string; name: string },
): Promise<boolean> {
  const attributes = {
    kind: 'resource',
    group: RBAC_GROUP,
    version: '*',
    subresource: '',
    ...asked,
  } as const;
  return (await authorizer().authorize(user, attributes, signal)).allowed;
}

/** @throws Forbidden with what the caller lacks */
function confirmHeld(parts: AccessParts, request: AdmissionRequest, rules: readonly PolicyRule[]): void {
  const { user, namespace } = request;
  const held = parts.rbac.rulesFor(user, namespace);
  const missing = uncovered(held.rules, rules);
  if (missing.length === 0) return;
  const lines = [...new Set(compact(missing).map(describeRule))].sort();
  const problems = held.problems.length === 0 ? '' : `; resolution errors: [${held.problems.join(', ')}]`;
  throw forbidden(
    request,
    `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${problems}`,
  );
}

/** The garbage collector, which holds no rules, must be able to take owners and finalizers away. */
function onlyCollectorFieldsDiffer(object: Readonly<ApiObject>, old: Readonly<ApiObject>): boolean {
  return equalJson(withoutCollectorFields(object), withoutCollectorFields(old));
}

function withoutCollectorFields(object: Readonly<ApiObject>): object {
  const {
    ownerReferences: _owners,
    finalizers: _finalizers,
    managedFields: _managed,
    ...metadata
  } = object.metadata;
  return { ...object, metadata: { ...metadata, resourceVersion: '' } };
}
