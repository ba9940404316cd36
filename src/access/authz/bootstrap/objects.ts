import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../../api/types.generated.ts';
import { RBAC_GROUP } from '../rbac/rbac.ts';
import { COMPONENT_ROLES } from './component-roles.ts';
import { NODE_ROLES } from './node-roles.ts';
import type { DefaultBinding, DefaultRole } from './policy.ts';
import { USER_ROLES } from './user-roles.ts';

const API_VERSION = `${RBAC_GROUP}/v1`;
/** Set to `"false"` by who wants to keep a default role as it is. */
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const BOOTSTRAPPING = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

export const DEFAULT_ROLES: readonly DefaultRole[] = [...USER_ROLES, ...NODE_ROLES, ...COMPONENT_ROLES];

const AUTHENTICATED = 'system:authenticated';

export const DEFAULT_BINDINGS: readonly DefaultBinding[] = [
  { role: 'cluster-admin', groups: ['system:masters'] },
  { role: 'system:monitoring', groups: ['system:monitoring'] },
  { role: 'system:discovery', groups: [AUTHENTICATED] },
  { role: 'system:basic-user', groups: [AUTHENTICATED] },
  { role: 'system:public-info-viewer', groups: [AUTHENTICATED, 'system:unauthenticated'] },
  { role: 'system:service-account-issuer-discovery', groups: ['system:serviceaccounts'] },
  { role: 'system:cluster-trust-bundle-discovery', groups: ['system:serviceaccounts'] },
  { role: 'system:node-proxier', users: ['system:kube-proxy'] },
  { role: 'system:kube-controller-manager', users: ['system:kube-controller-manager'] },
  { role: 'system:kube-scheduler', users: ['system:kube-scheduler'] },
  { role: 'system:volume-scheduler', users: ['system:kube-scheduler'] },
  { role: 'system:kube-dns', accounts: ['kube-dns'] },
  // For the node authorizer's sake upstream keeps this one, without subjects.
  { role: 'system:node' },
  {
    name: 'system::extension-apiserver-authentication-reader',
    role: 'extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    users: ['system:kube-controller-manager', 'system:kube-scheduler'],
  },
  ...['kube-controller-manager', 'kube-scheduler'].map((name) => ({
    role: `system::leader-locking-${name}`,
    namespace: 'kube-system',
    users: [`system:${name}`],
    accounts: [name],
  })),
  { role: 'system:controller:bootstrap-signer', namespace: 'kube-public', accounts: ['bootstrap-signer'] },
  { role: 'system:controller:bootstrap-signer', namespace: 'kube-system', accounts: ['bootstrap-signer'] },
  { role: 'system:controller:token-cleaner', namespace: 'kube-system', accounts: ['token-cleaner'] },
];

export function roleObject(role: DefaultRole): ClusterRole | Role {
  const { name, namespace, rules, gathers, into } = role;
  const labels = into === undefined ? BOOTSTRAPPING : { ...BOOTSTRAPPING, ...aggregateLabel(into) };
  const metadata = { name, labels, annotations: { [AUTO_UPDATE]: 'true' } };
  if (namespace !== undefined)
    return { apiVersion: API_VERSION, kind: 'Role', metadata: { ...metadata, namespace }, rules: [...rules] };
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRole',
    metadata,
    ...(gathers === undefined
      ? { rules: [...rules] }
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateLabel(gathers) }] }, rules: [] }),
  };
}

export function bindingObject(binding: DefaultBinding): ClusterRoleBinding | RoleBinding {
  const { role, name = role, namespace, users = [], groups = [], accounts = [] } = binding;
  const isClusters = namespace === undefined;
  return {
    apiVersion: API_VERSION,
    kind: isClusters ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: {
      name,
      ...(isClusters ? {} : { namespace }),
      labels: BOOTSTRAPPING,
      annotations: { [AUTO_UPDATE]: 'true' },
    },
    roleRef: { apiGroup: RBAC_GROUP, kind: isClusters ? 'ClusterRole' : 'Role', name: role },
    subjects: [
      ...users.map((name) => ({ apiGroup: RBAC_GROUP, kind: 'User', name })),
      ...groups.map((name) => ({ apiGroup: RBAC_GROUP, kind: 'Group', name })),
      ...accounts.map((name) => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' })),
    ],
  };
}

function aggregateLabel(into: string): Record<string, string> {
  return { [`rbac.authorization.k8s.io/aggregate-to-${into}`]: 'true' };
}
