import type { PolicyRule } from '../../../api/types.generated.ts';
import { type DefaultRole, EVENTS, READ, rule } from './policy.ts';

const STORAGE = 'storage.k8s.io';
const CERTIFICATES = 'certificates.k8s.io';

/** For nodes and what runs beside them. Nobody is bound to `system:node`: the node authorizer decides instead. */
export const NODE_ROLES: readonly DefaultRole[] = [
  { name: 'system:node', rules: nodeRules() },
  {
    name: 'system:node-bootstrapper',
    rules: [rule(`create ${READ}`, { group: CERTIFICATES, resources: 'certificatesigningrequests' })],
  },
  {
    name: 'system:node-problem-detector',
    rules: [rule('get', { resources: 'nodes' }), rule('patch', { resources: 'nodes/status' }), EVENTS],
  },
  {
    name: 'system:node-proxier',
    rules: [
      rule('list watch', { resources: 'endpoints services' }),
      rule(READ, { resources: 'nodes' }),
      EVENTS,
      rule('list watch', { group: 'discovery.k8s.io', resources: 'endpointslices' }),
      rule('list watch', { group: 'networking.k8s.io', resources: 'servicecidrs' }),
    ],
  },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      rule(READ, { resources: 'nodes' }),
      rule('proxy', { resources: 'nodes' }),
      rule('*', {
        resources:
          'nodes/checkpoint nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats',
      }),
    ],
  },
];

function nodeRules(): PolicyRule[] {
  return [
    rule('create', { group: 'authentication.k8s.io', resources: 'tokenreviews' }),
    rule('create', {
      group: 'authorization.k8s.io',
      resources: 'localsubjectaccessreviews subjectaccessreviews',
    }),
    rule(READ, { resources: 'services' }),
    rule(`create ${READ} patch update`, { resources: 'nodes' }),
    rule('patch update', { resources: 'nodes/status' }),
    rule('create patch update', { resources: 'events' }),
    rule(`create delete ${READ}`, { resources: 'pods' }),
    rule('patch update', { resources: 'pods/status' }),
    rule('create', { resources: 'pods/eviction' }),
    rule(READ, { resources: 'configmaps secrets' }),
    rule('get', { resources: 'endpoints persistentvolumeclaims persistentvolumes' }),
    rule(`create ${READ}`, { group: CERTIFICATES, resources: 'certificatesigningrequests' }),
    rule('create delete get patch update', { group: 'coordination.k8s.io', resources: 'leases' }),
    rule('get', { group: STORAGE, resources: 'volumeattachments' }),
    rule('create', { resources: 'serviceaccounts/token' }),
    rule('get patch update', { resources: 'persistentvolumeclaims/status' }),
    rule(READ, { group: STORAGE, resources: 'csidrivers' }),
    rule('create delete get patch update', { group: STORAGE, resources: 'csinodes' }),
    rule(READ, { group: 'node.k8s.io', resources: 'runtimeclasses' }),
    rule('get', { group: 'resource.k8s.io', resources: 'resourceclaims' }),
    rule(`create delete deletecollection ${READ} patch update`, {
      group: 'resource.k8s.io',
      resources: 'resourceslices',
    }),
    rule(READ, { group: CERTIFICATES, resources: 'clustertrustbundles' }),
    rule(`create ${READ}`, { group: CERTIFICATES, resources: 'podcertificaterequests' }),
  ];
}
