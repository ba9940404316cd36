import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/types.generated.ts';

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const ANNOTATIONS = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

/**
 * The configuration that every cluster begins with, upstream's: what keeps the cluster running (nodes, leader
 * election, its own controllers) has seats that nobody else's requests can take.
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#default-configuration
 */
export const DEFAULT_LEVELS: readonly PriorityLevelConfiguration[] = [
  { ...named('PriorityLevelConfiguration', 'exempt'), spec: { type: 'Exempt', exempt: shares(0, 0) } },
  level('catch-all', { ...shares(5, 0), limitResponse: { type: 'Reject' } }),
  level('system', { ...shares(30, 33), ...queues(64, 6) }),
  level('node-high', { ...shares(40, 25), ...queues(64, 6) }),
  level('leader-election', { ...shares(10, 0), ...queues(16, 4) }),
  level('workload-high', { ...shares(40, 50), ...queues(128, 6) }),
  level('workload-low', { ...shares(100, 90), ...queues(128, 6) }),
  level('global-default', { ...shares(20, 50), ...queues(128, 6) }),
];

const EVERYBODY = [group('system:unauthenticated'), group('system:authenticated')];
const LEASES = resources(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases']);
const SYSTEM_ACCOUNTS = account('*');

export const DEFAULT_SCHEMAS: readonly FlowSchema[] = [
  schema('exempt', { precedence: 1, level: 'exempt' }, [all([group('system:masters')])]),
  schema('probes', { precedence: 2, level: 'exempt' }, [
    {
      subjects: EVERYBODY,
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
    },
  ]),
  schema('system-leader-election', { precedence: 100, level: 'leader-election', by: 'ByUser' }, [
    {
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), SYSTEM_ACCOUNTS],
      resourceRules: [{ ...LEASES, namespaces: ['*'] }],
    },
  ]),
  schema('endpoint-controller', { precedence: 150, level: 'workload-high', by: 'ByUser' }, [
    {
      subjects: [
        user('system:kube-controller-manager'),
        account('endpoint-controller'),
        account('endpointslicemirroring-controller'),
      ],
      resourceRules: [{ ...resources(['get', 'create', 'update'], [''], ['endpoints']), namespaces: ['*'] }],
    },
  ]),
  schema('workload-leader-election', { precedence: 200, level: 'leader-election', by: 'ByUser' }, [
    { subjects: [SYSTEM_ACCOUNTS], resourceRules: [{ ...LEASES, namespaces: ['*'] }] },
  ]),
  schema('system-node-high', { precedence: 400, level: 'node-high', by: 'ByUser' }, [
    {
      subjects: [group('system:nodes')],
      resourceRules: [
        { ...resources(['*'], [''], ['nodes', 'nodes/status']), clusterScope: true, namespaces: ['*'] },
        { ...resources(['*'], ['coordination.k8s.io'], ['leases']), namespaces: ['*'] },
      ],
    },
  ]),
  schema('system-nodes', { precedence: 500, level: 'system', by: 'ByUser' }, [all([group('system:nodes')])]),
  schema('kube-controller-manager', { precedence: 800, level: 'workload-high', by: 'ByNamespace' }, [
    all([user('system:kube-controller-manager')]),
  ]),
  schema('kube-scheduler', { precedence: 800, level: 'workload-high', by: 'ByNamespace' }, [
    all([user('system:kube-scheduler')]),
  ]),
  schema('kube-system-service-accounts', { precedence: 900, level: 'workload-high', by: 'ByNamespace' }, [
    all([SYSTEM_ACCOUNTS]),
  ]),
  schema('service-accounts', { precedence: 9000, level: 'workload-low', by: 'ByUser' }, [
    all([group('system:serviceaccounts')]),
  ]),
  schema('global-default', { precedence: 9900, level: 'global-default', by: 'ByUser' }, [all(EVERYBODY)]),
  schema('catch-all', { precedence: 10_000, level: 'catch-all', by: 'ByUser' }, [all(EVERYBODY)]),
];

function named<Kind extends string>(kind: Kind, name: string) {
  return { apiVersion: API_VERSION, kind, metadata: { name, annotations: ANNOTATIONS } };
}

function shares(nominalConcurrencyShares: number, lendablePercent: number) {
  return { nominalConcurrencyShares, lendablePercent };
}

function queues(count: number, handSize: number): Pick<LimitedPriorityLevelConfiguration, 'limitResponse'> {
  return { limitResponse: { type: 'Queue', queuing: { queues: count, handSize, queueLengthLimit: 50 } } };
}

function level(name: string, limited: LimitedPriorityLevelConfiguration): PriorityLevelConfiguration {
  return { ...named('PriorityLevelConfiguration', name), spec: { type: 'Limited', limited } };
}

function schema(
  name: string,
  flow: { readonly precedence: number; readonly level: string; readonly by?: 'ByUser' | 'ByNamespace' },
  rules: PolicyRulesWithSubjects[],
): FlowSchema {
  return {
    ...named('FlowSchema', name),
    spec: {
      matchingPrecedence: flow.precedence,
      priorityLevelConfiguration: { name: flow.level },
      ...(flow.by === undefined ? {} : { distinguisherMethod: { type: flow.by } }),
      rules,
    },
  };
}

function all(subjects: Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [{ ...resources(['*'], ['*'], ['*']), clusterScope: true, namespaces: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  };
}

function resources(verbs: string[], apiGroups: string[], names: string[]): ResourcePolicyRule {
  return { verbs, apiGroups, resources: names };
}

function user(name: string): Subject {
  return { kind: 'User', user: { name } };
}

function group(name: string): Subject {
  return { kind: 'Group', group: { name } };
}

function account(name: string): Subject {
  return { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name } };
}
