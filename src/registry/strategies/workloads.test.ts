import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeRefusalsOf, type Fields, merged, refusalsOf } from '../testing/refusals.ts';

const TEMPLATE = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
const WORKLOAD = { spec: { selector: { matchLabels: { a: 'b' } }, template: TEMPLATE } };
const STATEFUL = merged(WORKLOAD, { spec: { serviceName: 's' } }) as Fields;
const JOB = { spec: { template: merged(TEMPLATE, { spec: { restartPolicy: 'Never' } }) } };
const CRON = { spec: { schedule: '*/5 * * * *', jobTemplate: JOB } };
const NOT_NEGATIVE = 'must be greater than or equal to 0';

const CREATED: readonly [path: string, base: Fields, change: Fields, ...refusals: string[]][] = [
  ['apps/v1/deployments', WORKLOAD, {}],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { replicas: -1 } },
    `spec.replicas: Invalid value: -1: ${NOT_NEGATIVE}`,
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { selector: { matchLabels: undefined } } },
    'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
  ],
  ['apps/v1/deployments', WORKLOAD, { spec: { selector: undefined } }, 'spec.selector: Required value'],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { selector: { matchLabels: { a: 'c' } } } },
    'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
    "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } } },
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } } },
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { strategy: { rollingUpdate: { maxUnavailable: '101%' } } } },
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { minReadySeconds: 600 } },
    'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds',
  ],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { template: { spec: { restartPolicy: 'Never', activeDeadlineSeconds: 5 } } } },
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
  ],
  ['apps/v1/replicasets', WORKLOAD, {}],
  [
    'apps/v1/replicasets',
    WORKLOAD,
    { spec: { minReadySeconds: -2 } },
    `spec.minReadySeconds: Invalid value: -2: ${NOT_NEGATIVE}`,
  ],
  ['apps/v1/daemonsets', WORKLOAD, {}],
  [
    'apps/v1/daemonsets',
    WORKLOAD,
    { spec: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } } },
    'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
  ],
  [
    'apps/v1/daemonsets',
    WORKLOAD,
    { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } } },
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0',
  ],
  ['apps/v1/statefulsets', STATEFUL, {}],
  [
    'apps/v1/statefulsets',
    STATEFUL,
    { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } } },
    'spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy \'RollingUpdate\'',
  ],
  ['v1/replicationcontrollers', { spec: { template: TEMPLATE } }, {}],
  [
    'v1/replicationcontrollers',
    { spec: { template: TEMPLATE, selector: { x: 'y' } } },
    {},
    'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
  ],
  ['batch/v1/jobs', JOB, {}],
  [
    'batch/v1/jobs',
    JOB,
    { spec: { template: { spec: { restartPolicy: undefined } } } },
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  ['batch/v1/jobs', JOB, { spec: { completionMode: 'Indexed' } }],
  [
    'batch/v1/jobs',
    JOB,
    { spec: { completionMode: 'Indexed', parallelism: 2 } },
    'spec.completions: Required value: when completion mode is Indexed',
  ],
  [
    'batch/v1/jobs',
    JOB,
    { spec: { parallelism: -1 } },
    `spec.parallelism: Invalid value: -1: ${NOT_NEGATIVE}`,
  ],
  [
    'batch/v1/jobs',
    JOB,
    { spec: { podFailurePolicy: { rules: [{ action: 'Ignore' }] } } },
    'spec.podFailurePolicy.rules[0]: Invalid value: {"action":"Ignore"}: specifying one of OnExitCodes and OnPodConditions is required',
  ],
  ['batch/v1/cronjobs', CRON, {}],
  ['batch/v1/cronjobs', CRON, { spec: { schedule: '@every 1h30m', timeZone: 'Europe/Berlin' } }],
  [
    'batch/v1/cronjobs',
    CRON,
    { spec: { schedule: '* * * *' } },
    'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
  ],
  [
    'batch/v1/cronjobs',
    CRON,
    { spec: { schedule: '60 * * jan mon-fri' } },
    'spec.schedule: Invalid value: "60 * * jan mon-fri": end of range (60) above maximum (59): 60',
  ],
  [
    'batch/v1/cronjobs',
    CRON,
    { spec: { schedule: 'TZ=UTC 1 * * * *' } },
    'spec.schedule: Invalid value: "TZ=UTC 1 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ],
  [
    'batch/v1/cronjobs',
    CRON,
    { spec: { timeZone: 'Mars/Base' } },
    'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
  ],
  [
    'batch/v1/cronjobs',
    CRON,
    { metadata: { name: 'x'.repeat(53) } },
    `metadata.name: Invalid value: "${'x'.repeat(53)}": must be no more than 52 characters`,
  ],
];

for (const [path, base, change, ...refusals] of CREATED)
  test(`${path} with ${JSON.stringify(change).slice(0, 90)}: ${refusals.length === 0 ? 'is made' : 'is refused'}`, async () => {
    assert.deepEqual(await refusalsOf(path, merged(base, change) as Fields), refusals);
  });

const CHANGED: readonly [path: string, base: Fields, after: Fields, ...refusals: string[]][] = [
  ['apps/v1/deployments', WORKLOAD, { spec: { replicas: 3 } }],
  [
    'apps/v1/deployments',
    WORKLOAD,
    { spec: { selector: { matchLabels: { x: 'y' } }, template: { metadata: { labels: { x: 'y' } } } } },
    'spec.selector: Invalid value: {"matchLabels":{"a":"b","x":"y"}}: field is immutable',
  ],
  ['apps/v1/statefulsets', STATEFUL, { spec: { replicas: 3, minReadySeconds: 1, ordinals: { start: 2 } } }],
  [
    'apps/v1/statefulsets',
    STATEFUL,
    { spec: { serviceName: 'other' } },
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
  ['batch/v1/jobs', JOB, { spec: { parallelism: 4, suspend: true } }],
  [
    'batch/v1/jobs',
    JOB,
    { spec: { completions: 4 } },
    'spec.completions: Invalid value: 4: field is immutable',
  ],
  [
    'batch/v1/jobs',
    merged(JOB, { spec: { suspend: true } }) as Fields,
    { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } },
  ],
];

for (const [path, base, after, ...refusals] of CHANGED)
  test(`${path} to ${JSON.stringify(after).slice(0, 90)}: ${refusals.length === 0 ? 'is written' : 'is refused'}`, async () => {
    assert.deepEqual(await changeRefusalsOf(path, base, { after }), refusals);
  });

test('a Job’s pods never change once it has begun', async () => {
  const after = { spec: { template: { spec: { nodeSelector: { a: 'b' } } } } };
  const [refusal] = await changeRefusalsOf('batch/v1/jobs', JOB, { after });
  assert.match(refusal ?? '', /^spec\.template: Invalid value: .*: field is immutable$/);
});
