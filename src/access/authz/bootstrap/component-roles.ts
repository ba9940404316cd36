import type { PolicyRule } from '../../../api/types.generated.ts';
import { type DefaultRole, EVENTS, READ, rule } from './policy.ts';

const STORAGE = 'storage.k8s.io';
const CERTIFICATES = 'certificates.k8s.io';

/** For programs that are installed into the cluster and expect upstream's roles to be there. */
export const COMPONENT_ROLES: readonly DefaultRole[] = [
  { name: 'system:auth-delegator', rules: [tokenReviews(), accessReviews()] },
  { name: 'system:kube-aggregator', rules: [rule(READ, { resources: 'endpoints services' })] },
  { name: 'system:kube-dns', rules: [rule('list watch', { resources: 'endpoints services' })] },
  {
    name: 'system:heapster',
    rules: [
      rule(READ, { resources: 'events namespaces nodes pods' }),
      rule(READ, { group: 'extensions', resources: 'deployments' }),
    ],
  },
  { name: 'system:kube-controller-manager', rules: controllerManagerRules() },
  { name: 'system:kube-scheduler', rules: schedulerRules() },
  {
    name: 'system:volume-scheduler',
    rules: [
      rule(`${READ} patch update`, { resources: 'persistentvolumes' }),
      rule(READ, { group: STORAGE, resources: 'storageclasses' }),
      rule(`${READ} patch update`, { resources: 'persistentvolumeclaims' }),
    ],
  },
  {
    name: 'system:persistent-volume-provisioner',
    rules: [
      rule('create delete get list watch', { resources: 'persistentvolumes' }),
      rule(`${READ} update`, { resources: 'persistentvolumeclaims' }),
      rule(READ, { group: STORAGE, resources: 'storageclasses' }),
      rule('watch', { resources: 'events' }),
      EVENTS,
    ],
  },
  {
    name: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    rules: [rule('create', { group: CERTIFICATES, resources: 'certificatesigningrequests/nodeclient' })],
  },
  {
    name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    rules: [rule('create', { group: CERTIFICATES, resources: 'certificatesigningrequests/selfnodeclient' })],
  },
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map(
    (signer) => ({
      name: `system:certificates.k8s.io:${signer}-approver`,
      rules: [
        rule('approve', { group: CERTIFICATES, resources: 'signers', names: `kubernetes.io/${signer}` }),
      ],
    }),
  ),
  {
    name: 'system:cluster-trust-bundle-discovery',
    rules: [rule(READ, { group: CERTIFICATES, resources: 'clustertrustbundles' })],
  },
  {
    name: 'extension-apiserver-authentication-reader',
    namespace: 'kube-system',
    rules: [rule(READ, { resources: 'configmaps', names: 'extension-apiserver-authentication' })],
  },
  ...['kube-controller-manager', 'kube-scheduler'].map((name) => ({
    name: `system::leader-locking-${name}`,
    namespace: 'kube-system',
    rules: [
      rule('watch', { resources: 'configmaps' }),
      rule('get update', { resources: 'configmaps', names: name }),
    ],
  })),
  {
    name: 'system:controller:bootstrap-signer',
    namespace: 'kube-public',
    rules: [
      rule(READ, { resources: 'configmaps' }),
      rule('update', { resources: 'configmaps', names: 'cluster-info' }),
      EVENTS,
    ],
  },
  ...['bootstrap-signer', 'token-cleaner'].map((name) => ({
    name: `system:controller:${name}`,
    namespace: 'kube-system',
    rules: [rule(name === 'token-cleaner' ? 'delete get list watch' : READ, { resources: 'secrets' })],
  })),
];

function tokenReviews(): PolicyRule {
  return rule('create', { group: 'authentication.k8s.io', resources: 'tokenreviews' });
}

function accessReviews(resources = 'subjectaccessreviews'): PolicyRule {
  return rule('create', { group: 'authorization.k8s.io', resources });
}

/** Leader election by a lease of one's own name. */
function lease(name: string): PolicyRule[] {
  const group = 'coordination.k8s.io';
  return [
    rule('create', { group, resources: 'leases' }),
    rule('get update', { group, resources: 'leases', names: name }),
  ];
}

function controllerManagerRules(): PolicyRule[] {
  return [
    EVENTS,
    ...lease('kube-controller-manager'),
    rule('create', { resources: 'secrets serviceaccounts' }),
    rule('delete', { resources: 'secrets' }),
    rule('get', { resources: 'configmaps namespaces secrets serviceaccounts' }),
    rule('update', { resources: 'secrets serviceaccounts' }),
    tokenReviews(),
    accessReviews(),
    rule('list watch', { group: '*', resources: '*' }),
    rule('create', { resources: 'serviceaccounts/token' }),
  ];
}

function schedulerRules(): PolicyRule[] {
  return [
    EVENTS,
    ...lease('kube-scheduler'),
    rule(READ, { resources: 'nodes' }),
    rule('delete get list watch', { resources: 'pods' }),
    rule('create', { resources: 'bindings pods/binding' }),
    rule('patch update', { resources: 'pods/status' }),
    rule(READ, { resources: 'replicationcontrollers services' }),
    rule(READ, { group: 'apps extensions', resources: 'replicasets' }),
    rule(READ, { group: 'apps', resources: 'statefulsets' }),
    rule(READ, { group: 'policy', resources: 'poddisruptionbudgets' }),
    rule(READ, { resources: 'persistentvolumeclaims persistentvolumes' }),
    tokenReviews(),
    accessReviews(),
    rule(READ, { group: STORAGE, resources: 'csinodes' }),
    rule(READ, { resources: 'namespaces' }),
    rule(READ, { group: STORAGE, resources: 'csidrivers csistoragecapacities volumeattachments' }),
    rule(READ, { group: 'resource.k8s.io', resources: 'deviceclasses resourceclaims resourceslices' }),
    rule('patch update', { group: 'resource.k8s.io', resources: 'resourceclaims resourceclaims/status' }),
  ];
}
