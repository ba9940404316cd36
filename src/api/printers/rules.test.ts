import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from '../kinds.ts';
import { createTablePrinter } from './table.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const print = createTablePrinter(() => NOW);
const kinds = createKindTable();

const CASES: readonly [
  kind: [string, string, string],
  fields: Record<string, unknown>,
  columns: string,
  cells: unknown[],
][] = [
  [
    ['autoscaling', 'v2', 'horizontalpodautoscalers'],
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'web' },
        minReplicas: 1,
        maxReplicas: 5,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
          },
          {
            type: 'Pods',
            pods: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '10' } },
          },
          { type: 'Object', object: { target: { type: 'Value', value: '3' } } },
        ],
      },
      status: {
        currentReplicas: 2,
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 12 } } },
        ],
      },
    },
    'Name Reference Targets MinPods MaxPods Replicas Age',
    ['a', 'Deployment/web', 'cpu: 12%/80%, <unknown>/10 (avg) + 1 more...', '1', 5, 2, '10m'],
  ],
  [
    ['networking.k8s.io', 'v1', 'networkpolicies'],
    { spec: { podSelector: { matchLabels: { app: 'x' } } } },
    'Name Pod-Selector Age',
    ['a', 'app=x', '10m'],
  ],
  [
    ['storage.k8s.io', 'v1', 'volumeattachments'],
    { spec: { attacher: 'd', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
    'Name Attacher PV Node Attached Age',
    ['a', 'd', 'v', 'n', false, '10m'],
  ],
];

for (const [[group, version, resource], fields, columns, cells] of CASES)
  test(`${resource} are printed as kubectl users know them`, () => {
    const kind = kinds.find(group, version, resource);
    assert.ok(kind);
    const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' };
    const table = print(kind, [{ apiVersion: version, kind: kind.kind, ...fields, metadata }]);
    assert.equal(table?.columns.map(({ name }) => name).join(' '), columns);
    assert.deepEqual(table?.rows, [cells]);
  });

test('every kind that can be listed has columns', () => {
  for (const kind of kinds.all()) {
    if (!kind.verbs.includes('list') || kind.resource === 'componentstatuses') continue;
    assert.ok(print(kind, []), `${kind.group}/${kind.resource}`);
  }
});
