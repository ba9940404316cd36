import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeRefusalsOf, type Fields, merged, refusalsOf } from '../testing/refusals.ts';

const CLAIM = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
const VOLUME = {
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
};
const CLASS = { provisioner: 'example.com/disk' };
const TARGET = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' };
const SCALER = { spec: { scaleTargetRef: TARGET, maxReplicas: 3 } };
const BUDGET = { spec: { selector: { matchLabels: { a: 'b' } }, minAvailable: 1 } };
const CLAIM_MAY =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
const EVENT = {
  metadata: { name: 'e' },
  regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'example.com/c',
  reportingInstance: 'c-1',
  action: 'Act',
  reason: 'Because',
  type: 'Normal',
};

const CREATED: readonly [path: string, base: Fields, change: Fields, ...refusals: string[]][] = [
  ['v1/persistentvolumeclaims', CLAIM, {}],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { spec: { accessModes: [] } },
    'spec.accessModes: Required value: at least 1 access mode is required',
  ],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { spec: { resources: { requests: { storage: undefined } } } },
    'spec.resources[storage]: Required value',
  ],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { spec: { resources: { requests: { storage: '0' } } } },
    'spec.resources[storage]: Invalid value: "0": must be greater than zero',
  ],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { spec: { accessModes: ['ReadWriteOncePod', 'ReadOnlyMany'] } },
    'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
  ],
  ['v1/persistentvolumes', VOLUME, {}],
  [
    'v1/persistentvolumes',
    VOLUME,
    { spec: { hostPath: undefined } },
    'spec: Required value: must specify a volume type',
  ],
  [
    'v1/persistentvolumes',
    VOLUME,
    { spec: { nfs: { server: 'a', path: '/' } } },
    'spec.nfs: Forbidden: may not specify more than 1 volume type',
  ],
  [
    'v1/persistentvolumes',
    VOLUME,
    { spec: { hostPath: undefined, local: { path: '/a' } } },
    'spec.nodeAffinity: Required value: Local volume requires node affinity',
  ],
  ['storage.k8s.io/v1/storageclasses', CLASS, {}],
  ['storage.k8s.io/v1/storageclasses', { provisioner: '' }, {}, 'provisioner: Required value'],
  ['autoscaling/v2/horizontalpodautoscalers', SCALER, {}],
  [
    'autoscaling/v2/horizontalpodautoscalers',
    SCALER,
    { spec: { minReplicas: 5 } },
    'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ],
  [
    'autoscaling/v2/horizontalpodautoscalers',
    SCALER,
    { spec: { minReplicas: 0 } },
    'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
  ],
  [
    'autoscaling/v1/horizontalpodautoscalers',
    SCALER,
    { spec: { maxReplicas: 0 } },
    'spec.maxReplicas: Invalid value: 0: must be greater than 0',
    'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
  ],
  [
    'autoscaling/v2/horizontalpodautoscalers',
    SCALER,
    { spec: { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] } },
    'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
  ],
  [
    'autoscaling/v2/horizontalpodautoscalers',
    SCALER,
    { spec: { behavior: { scaleUp: { stabilizationWindowSeconds: 4000 } } } },
    'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600',
  ],
  ['policy/v1/poddisruptionbudgets', BUDGET, {}],
  [
    'policy/v1/poddisruptionbudgets',
    BUDGET,
    { spec: { maxUnavailable: 1 } },
    'spec: Invalid value: {"selector":{"matchLabels":{"a":"b"}},"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable are mutually exclusive',
  ],
  [
    'policy/v1/poddisruptionbudgets',
    BUDGET,
    { spec: { minAvailable: '120%' } },
    'spec.minAvailable: Invalid value: "120%": must not be greater than 100%',
  ],
  ['scheduling.k8s.io/v1/priorityclasses', { value: 5 }, {}],
  [
    'scheduling.k8s.io/v1/priorityclasses',
    { value: 1_000_000_001 },
    {},
    'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
  ],
  [
    'scheduling.k8s.io/v1/priorityclasses',
    { metadata: { name: 'system-mine' }, value: 5 },
    {},
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
  ],
  ['node.k8s.io/v1/runtimeclasses', { handler: 'a' }, {}],
  ['coordination.k8s.io/v1/leases', { spec: { leaseDurationSeconds: 5 } }, {}],
  [
    'coordination.k8s.io/v1/leases',
    { spec: { leaseDurationSeconds: 0 } },
    {},
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
  ],
  ['v1/nodes', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }, {}],
  [
    'v1/nodes',
    { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['nope'] } },
    {},
    'spec.podCIDRs[0]: Invalid value: "nope": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ],
  ['v1/resourcequotas', { spec: { hard: { pods: '4', 'count/widgets.example.com': '2' } } }, {}],
  [
    'v1/resourcequotas',
    { spec: { hard: { pods: '1.5' } } },
    {},
    'spec.hard[pods]: Invalid value: "1500m": must be an integer',
  ],
  [
    'v1/resourcequotas',
    { spec: { hard: { cpus: '1' } } },
    {},
    'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource for quota',
  ],
  [
    'v1/resourcequotas',
    { spec: { scopes: ['BestEffort', 'NotBestEffort'] } },
    {},
    'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
  ],
  ['v1/limitranges', { spec: { limits: [{ type: 'Container', min: { cpu: '1' }, max: { cpu: '2' } }] } }, {}],
  [
    'v1/limitranges',
    { spec: { limits: [{ type: 'Container', min: { cpu: '3' }, max: { cpu: '2' } }] } },
    {},
    'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": min value 3 is greater than default request value 2',
    'spec.limits[0].default[cpu]: Invalid value: "2": min value 3 is greater than default value 2',
  ],
  ['events.k8s.io/v1/events', EVENT, {}],
  [
    'events.k8s.io/v1/events',
    EVENT,
    { eventTime: undefined, type: 'Odd' },
    'eventTime: Required value',
    'type: Invalid value: "": has invalid value: Odd',
  ],
  [
    'events.k8s.io/v1/events',
    EVENT,
    { note: 'x'.repeat(1025) },
    'message: Invalid value: "": can have at most 1024 characters',
  ],
  [
    'events.k8s.io/v1/events',
    EVENT,
    { regarding: { namespace: 'other' } },
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ],
  ['v1/events', { involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, reason: 'Old' }, {}],
];

for (const [path, base, change, ...refusals] of CREATED)
  test(`${path} with ${JSON.stringify({ ...base, ...change }).slice(0, 100)}: ${refusals.length === 0 ? 'is made' : 'is refused'}`, async () => {
    assert.deepEqual(await refusalsOf(path, merged(base, change) as Fields), refusals);
  });

const BOUND = { phase: 'Bound', capacity: { storage: '1Gi' } };
const CHANGED: readonly [
  path: string,
  base: Fields,
  change: { after: Fields; status?: Fields },
  ...refusals: string[],
][] = [
  ['v1/persistentvolumeclaims', CLAIM, { after: { spec: { volumeName: 'v' } } }],
  ['v1/persistentvolumeclaims', CLAIM, { after: { spec: { volumeMode: 'Block' } } }, CLAIM_MAY],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { after: { spec: { resources: { requests: { storage: '2Gi' } } } } },
    CLAIM_MAY,
  ],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { after: { spec: { resources: { requests: { storage: '2Gi' } } } }, status: BOUND },
  ],
  [
    'v1/persistentvolumeclaims',
    CLAIM,
    { after: { spec: { resources: { requests: { storage: '1Mi' } } } }, status: BOUND },
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ],
  ['v1/persistentvolumes', VOLUME, { after: { spec: { capacity: { storage: '2Gi' } } } }],
  [
    'v1/persistentvolumes',
    VOLUME,
    { after: { spec: { hostPath: { path: '/other' } } } },
    'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
  ],
  [
    'storage.k8s.io/v1/storageclasses',
    CLASS,
    { after: { provisioner: 'other' } },
    'provisioner: Forbidden: updates to provisioner are forbidden.',
  ],
  [
    'scheduling.k8s.io/v1/priorityclasses',
    { value: 5 },
    { after: { value: 6 } },
    'value: Forbidden: may not be changed in an update.',
  ],
  [
    'node.k8s.io/v1/runtimeclasses',
    { handler: 'a' },
    { after: { handler: 'b' } },
    'handler: Invalid value: "b": field is immutable',
  ],
  [
    'v1/nodes',
    { spec: { providerID: 'a' } },
    { after: { spec: { providerID: 'b' } } },
    'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
  ],
  [
    'v1/secrets',
    { immutable: true, data: { a: 'Yg==' } },
    { after: { data: { a: 'Yw==' } } },
    'data: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'v1/configmaps',
    { immutable: true },
    { after: { immutable: false } },
    'immutable: Forbidden: field is immutable when `immutable` is set',
  ],
  [
    'apps/v1/controllerrevisions',
    { data: { a: 1 }, revision: 1 },
    { after: { data: { a: 2 } } },
    'data: Invalid value: {"a":2}: field is immutable',
  ],
  [
    'events.k8s.io/v1/events',
    EVENT,
    { after: { series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' } } },
  ],
  [
    'events.k8s.io/v1/events',
    EVENT,
    { after: { reason: 'Other' } },
    'reason: Invalid value: "Other": field is immutable',
  ],
];

for (const [path, base, change, ...refusals] of CHANGED)
  test(`${path} to ${JSON.stringify(change)}: ${refusals.length === 0 ? 'is written' : 'is refused'}`, async () => {
    assert.deepEqual(await changeRefusalsOf(path, base, change), refusals);
  });

for (const [path, fields] of [
  ['batch/v1/jobs', { spec: { template: { spec: { containers: [] } } } }],
  ['batch/v1/cronjobs', { spec: { schedule: '* * * * *' } }],
  ['scheduling.k8s.io/v1/priorityclasses', { value: 1 }],
  ['v1/namespaces', {}],
] as const)
  test(`${path} without a name is refused as such`, async () => {
    const refusals = await refusalsOf(path, { ...fields, metadata: { name: undefined } });
    assert.ok(
      refusals.includes('metadata.name: Required value: name or generateName is required'),
      `${refusals}`,
    );
  });

test('an unknown operator of a selector is a fault of that field', async () => {
  const selector = { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] };
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const [refusal] = await refusalsOf('apps/v1/deployments', { spec: { selector, template } });
  assert.match(refusal ?? '', /^spec\.selector\.matchExpressions\[0\]\.operator: Unsupported value: "Like"/);
});
