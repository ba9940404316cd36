import { type DefaultRole, paths, READ, READ_WRITE, rule, WRITE } from './policy.ts';

const RBAC = 'rbac.authorization.k8s.io';
const APPS =
  'daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale';
const EXTENSIONS =
  'daemonsets deployments deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale';
const POD_STREAMS = 'pods/attach pods/exec pods/portforward pods/proxy';
const HEALTH = '/healthz /livez /readyz';

/** For people: everything, a namespace's administrator, editor and viewer, and what anybody may. */
export const USER_ROLES: readonly DefaultRole[] = [
  {
    name: 'cluster-admin',
    rules: [rule('*', { group: '*', resources: '*' }), paths('*', '*')],
  },
  { name: 'admin', rules: [], gathers: 'admin' },
  { name: 'edit', rules: [], gathers: 'edit', into: 'admin' },
  { name: 'view', rules: [], gathers: 'view', into: 'edit' },
  {
    name: 'system:aggregate-to-admin',
    into: 'admin',
    rules: [
      rule('create', { group: 'authorization.k8s.io', resources: 'localsubjectaccessreviews' }),
      rule(READ_WRITE, { group: RBAC, resources: 'rolebindings roles' }),
    ],
  },
  { name: 'system:aggregate-to-edit', into: 'edit', rules: editRules() },
  { name: 'system:aggregate-to-view', into: 'view', rules: viewRules() },
  {
    name: 'system:discovery',
    rules: [paths('get', `/api /api/* /apis /apis/* ${HEALTH} /openapi /openapi/* /version /version/`)],
  },
  {
    name: 'system:basic-user',
    rules: [
      rule('create', {
        group: 'authorization.k8s.io',
        resources: 'selfsubjectaccessreviews selfsubjectrulesreviews',
      }),
      rule('create', { group: 'authentication.k8s.io', resources: 'selfsubjectreviews' }),
    ],
  },
  { name: 'system:public-info-viewer', rules: [paths('get', `${HEALTH} /version /version/`)] },
  {
    name: 'system:monitoring',
    rules: [paths('get', `${HEALTH} /healthz/* /livez/* /readyz/* /metrics /metrics/slis`)],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [paths('get', '/.well-known/openid-configuration /openid/v1/jwks')],
  },
];

function editRules() {
  return [
    rule(READ, { resources: `${POD_STREAMS} secrets services/proxy` }),
    rule('impersonate', { resources: 'serviceaccounts' }),
    rule(WRITE, { resources: `pods ${POD_STREAMS}` }),
    rule('create', { resources: 'pods/eviction' }),
    rule(WRITE, {
      resources:
        'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    }),
    rule('create', { resources: 'serviceaccounts/token' }),
    rule(WRITE, { group: 'apps', resources: `${APPS} deployments/rollback` }),
    rule(WRITE, { group: 'autoscaling', resources: 'horizontalpodautoscalers' }),
    rule(WRITE, { group: 'batch', resources: 'cronjobs jobs' }),
    rule(WRITE, { group: 'extensions', resources: `${EXTENSIONS} deployments/rollback` }),
    rule(WRITE, { group: 'policy', resources: 'poddisruptionbudgets' }),
    rule(WRITE, { group: 'networking.k8s.io', resources: 'ingresses networkpolicies' }),
    rule(READ_WRITE, { group: 'coordination.k8s.io', resources: 'leases' }),
    rule(`${WRITE} ${READ}`, {
      group: 'resource.k8s.io',
      resources: 'resourceclaims resourceclaimtemplates',
    }),
  ];
}

function viewRules() {
  return [
    rule(READ, {
      resources:
        'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    }),
    rule(READ, {
      resources:
        'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
    }),
    rule(READ, { resources: 'namespaces' }),
    rule(READ, { group: 'discovery.k8s.io', resources: 'endpointslices' }),
    rule(READ, {
      group: 'apps',
      resources: `${APPS} controllerrevisions daemonsets/status deployments/status replicasets/status statefulsets/status`,
    }),
    rule(READ, {
      group: 'autoscaling',
      resources: 'horizontalpodautoscalers horizontalpodautoscalers/status',
    }),
    rule(READ, { group: 'batch', resources: 'cronjobs cronjobs/status jobs jobs/status' }),
    rule(READ, {
      group: 'extensions',
      resources: `${EXTENSIONS} daemonsets/status deployments/status ingresses/status replicasets/status`,
    }),
    rule(READ, { group: 'policy', resources: 'poddisruptionbudgets poddisruptionbudgets/status' }),
    rule(READ, { group: 'networking.k8s.io', resources: 'ingresses ingresses/status networkpolicies' }),
    rule(READ, {
      group: 'resource.k8s.io',
      resources: 'resourceclaims resourceclaims/status resourceclaimtemplates',
    }),
  ];
}
