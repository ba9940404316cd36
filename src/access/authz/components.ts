import type { AuthorizationRule } from './all.ts';
import type { ResourceAttributes } from './authorizer.ts';

export const CONTROLLERS_USER = 'system:amphora:controllers';
export const SCHEDULER_USER = 'system:amphora:scheduler';

interface Rule {
  readonly verbs: readonly string[];
  /** `resource.group`, with `/subresource`; `*` for all. */
  readonly resources: readonly string[];
}

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch'];
const LEASE: Rule = { verbs: [...READ, ...WRITE], resources: ['leases.coordination.k8s.io'] };
const EVENTS: Rule = { verbs: WRITE, resources: ['events', 'events.events.k8s.io'] };

/**
 * What the in-process components may do. Coarse: all controllers are one user, so the garbage collector's and the
 * namespace controller's right to read and delete any kind is everyone's. Creating is not: it is listed.
 */
const RULES: Readonly<Record<string, readonly Rule[]>> = {
  [CONTROLLERS_USER]: [
    LEASE,
    EVENTS,
    // For aggregated roles: their rules are those of roles that somebody who held them wrote.
    { verbs: ['escalate'], resources: ['clusterroles.rbac.authorization.k8s.io'] },
    { verbs: ['approve', 'sign'], resources: ['signers.certificates.k8s.io'] },
    { verbs: [...READ, 'delete', 'deletecollection', 'patch', 'update'], resources: ['*'] },
    {
      verbs: ['create'],
      resources: [
        'pods',
        'namespaces',
        'serviceaccounts',
        'serviceaccounts/token',
        'secrets',
        'configmaps',
        'services',
        'endpoints',
        'endpointslices.discovery.k8s.io',
        'replicasets.apps',
        'controllerrevisions.apps',
        'jobs.batch',
        'persistentvolumes',
        'persistentvolumeclaims',
        'pods/eviction',
        'apiservices.apiregistration.k8s.io',
        'resourceclaims.resource.k8s.io',
        'subjectaccessreviews.authorization.k8s.io',
      ],
    },
  ],
  [SCHEDULER_USER]: [
    LEASE,
    EVENTS,
    {
      verbs: READ,
      resources: [
        'pods',
        'nodes',
        'namespaces',
        'services',
        'replicationcontrollers',
        'persistentvolumes',
        'persistentvolumeclaims',
        'replicasets.apps',
        'statefulsets.apps',
        'poddisruptionbudgets.policy',
        'priorityclasses.scheduling.k8s.io',
        'runtimeclasses.node.k8s.io',
        'storageclasses.storage.k8s.io',
        'csinodes.storage.k8s.io',
        'csidrivers.storage.k8s.io',
        'csistoragecapacities.storage.k8s.io',
        'volumeattachments.storage.k8s.io',
      ],
    },
    { verbs: ['create'], resources: ['pods/binding', 'bindings'] },
    { verbs: ['patch', 'update'], resources: ['pods/status'] },
    { verbs: ['delete'], resources: ['pods'] },
    { verbs: ['patch', 'update'], resources: ['persistentvolumeclaims', 'persistentvolumes'] },
  ],
};

export const allowComponents: AuthorizationRule = (user, attributes) => {
  const rules = Object.hasOwn(RULES, user.name) ? RULES[user.name] : undefined;
  if (rules === undefined || attributes.kind !== 'resource') return undefined;
  return rules.some((rule) => matches(rule, attributes))
    ? { verdict: 'allow', reason: `component ${user.name}` }
    : undefined;
};

function matches(rule: Rule, attributes: ResourceAttributes): boolean {
  if (!rule.verbs.includes(attributes.verb)) return false;
  const { group, resource, subresource } = attributes;
  const qualified = `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`;
  return rule.resources.includes('*') || rule.resources.includes(qualified);
}
