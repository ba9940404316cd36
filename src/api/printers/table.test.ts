import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../kind.ts';
import { createKindTable } from '../kinds.ts';
import type { Pod, PodStatus } from '../types.generated.ts';
import { humanDuration } from './column.ts';
import { podStatus, readyContainers, restarts } from './pod-status.ts';
import { createTablePrinter } from './table.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const RUNNING = { state: { running: {} }, ready: true, restartCount: 0, image: '', imageID: '', name: 'c' };
const INIT = [{ name: 'a' }, { name: 'b' }];

const cases: readonly [name: string, pod: Partial<Pod>, status: string][] = [
  ['no status yet', {}, 'Pending'],
  ['running', { status: { phase: 'Running', containerStatuses: [RUNNING] } }, 'Running'],
  [
    'waiting',
    { status: { phase: 'Pending', containerStatuses: [waiting('ImagePullBackOff')] } },
    'ImagePullBackOff',
  ],
  [
    'terminated without a reason',
    { status: { phase: 'Failed', containerStatuses: [ended({ exitCode: 3 })] } },
    'ExitCode:3',
  ],
  [
    'completed',
    { status: { phase: 'Succeeded', containerStatuses: [ended({ exitCode: 0, reason: 'Completed' })] } },
    'Completed',
  ],
  ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, 'Evicted'],
  [
    'being deleted',
    { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' }, status: { phase: 'Running' } },
    'Terminating',
  ],
  [
    'the second init container runs',
    {
      spec: { containers: [], initContainers: INIT },
      status: {
        phase: 'Pending',
        initContainerStatuses: [
          { ...ended({ exitCode: 0 }), name: 'a' },
          { ...RUNNING, name: 'b' },
        ],
      },
    },
    'Init:1/2',
  ],
  [
    'an init container fails',
    {
      spec: { containers: [], initContainers: INIT },
      status: {
        phase: 'Pending',
        initContainerStatuses: [{ ...ended({ exitCode: 1, reason: 'Error' }), name: 'a' }],
      },
    },
    'Init:Error',
  ],
  [
    'one of two completed, the other is ready but the pod is not',
    {
      status: { phase: 'Running', containerStatuses: [ended({ exitCode: 0, reason: 'Completed' }), RUNNING] },
    },
    'NotReady',
  ],
];
for (const [name, pod, expected] of cases) {
  test(`pod status: ${name}`, () => assert.equal(podStatus({ spec: { containers: [] }, ...pod }), expected));
}

test('ready and restarts count containers and sidecars', () => {
  const pod: Pod = {
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 's', restartPolicy: 'Always' }] },
    status: {
      containerStatuses: [
        {
          ...RUNNING,
          restartCount: 2,
          lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:09:00Z' } },
        },
      ],
      initContainerStatuses: [{ ...RUNNING, name: 's', ready: false }],
    },
  };
  assert.equal(readyContainers(pod), '1/2');
  assert.equal(
    restarts(pod, () => '60s'),
    '2 (60s ago)',
  );
});

test('durations are said as kubectl says them', () => {
  const second = 1000;
  const hour = 3600 * second;
  const said = [0, 119, 120, 605, 3 * 3600, 9 * 3600, 3 * 86_400 + 4 * 3600, 20 * 86_400, 800 * 86_400].map(
    (s) => humanDuration(s * second),
  );
  assert.deepEqual(said, ['0s', '119s', '2m', '10m', '3h', '9h', '3d4h', '20d', '2y70d']);
  assert.equal(humanDuration(5 * hour + 12 * 60 * second), '5h12m');
});

test('a table of pods has the columns kubectl users know', () => {
  const kind = createKindTable().find('', 'v1', 'pods');
  assert.ok(kind);
  const pod: ApiObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { containers: [{ name: 'c' }], nodeName: 'box', runtimeClassName: 'microvm' },
    status: { phase: 'Running', podIP: '10.88.0.7', containerStatuses: [RUNNING] } satisfies PodStatus,
  };
  const table = createTablePrinter(() => NOW)(kind, [pod]);
  assert.deepEqual(
    table?.columns.map((column) => column.name),
    [
      'Name',
      'Ready',
      'Status',
      'Restarts',
      'Age',
      'IP',
      'Node',
      'Nominated Node',
      'Readiness Gates',
      'Class',
    ],
  );
  assert.deepEqual(table?.rows, [
    ['web', '1/1', 'Running', '0', '10m', '10.88.0.7', 'box', '<none>', '<none>', 'microvm'],
  ]);
});

function waiting(reason: string) {
  return { ...RUNNING, ready: false, state: { waiting: { reason } } };
}

function ended(terminated: { exitCode: number; reason?: string }) {
  return { ...RUNNING, ready: false, state: { terminated } };
}

test('what decides about writes is shown by its numbers', () => {
  const kinds = createKindTable();
  const print = createTablePrinter(() => NOW);
  const row = (apiVersion: string, kindName: string, rest: Record<string, unknown>) => {
    const kind = kinds.byKind(apiVersion, kindName);
    assert.ok(kind);
    const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };
    return print(kind, [{ apiVersion, kind: kindName, metadata, ...rest }])?.rows[0];
  };
  const admission = 'admissionregistration.k8s.io/v1';
  const hard = { pods: '10', 'limits.cpu': '4', 'requests.cpu': '2' };
  const used = { pods: '1', 'limits.cpu': '500m', 'requests.cpu': '0' };
  assert.deepEqual(row('v1', 'ResourceQuota', { status: { hard, used } }), [
    'x',
    'pods: 1/10, requests.cpu: 0/2',
    'limits.cpu: 500m/4',
    '10m',
  ]);
  assert.deepEqual(row(admission, 'ValidatingWebhookConfiguration', { webhooks: [{}, {}] }), ['x', 2, '10m']);
  assert.deepEqual(row(admission, 'ValidatingAdmissionPolicy', { spec: { validations: [{}] } }), [
    'x',
    1,
    '<unset>',
    '10m',
  ]);
  const paramRef = { name: 'p', namespace: 'n' };
  assert.deepEqual(
    row(admission, 'ValidatingAdmissionPolicyBinding', { spec: { policyName: 'y', paramRef } }),
    ['x', 'y', 'n/p', '10m'],
  );
});
