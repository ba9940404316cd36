import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '../api/types.generated.ts';
import { plan } from './plan.ts';
import { podRequests } from './resources.ts';
import { takeSnapshot } from './snapshot.ts';

const cases: readonly {
  name: string;
  spec: Partial<PodSpec>;
  nodes: Node[];
  pods?: Pod[];
  expect: string;
}[] = [
  { name: 'no nodes', spec: {}, nodes: [], expect: 'no nodes available to schedule pods' },
  { name: 'one node', spec: {}, nodes: [node('a')], expect: '→ a' },
  {
    name: 'the emptier node',
    spec: requests('1'),
    nodes: [node('a'), node('b')],
    pods: [pod({ ...requests('1'), nodeName: 'a' })],
    expect: '→ b',
  },
  {
    name: 'too much',
    spec: requests('3'),
    nodes: [node('a')],
    expect: '0/1 nodes are available: 1 Insufficient cpu.',
  },
  {
    name: 'ended pods take nothing',
    spec: requests('2'),
    nodes: [node('a')],
    pods: [{ ...pod({ ...requests('2'), nodeName: 'a' }), status: { phase: 'Succeeded' } }],
    expect: '→ a',
  },
  {
    name: 'cordoned',
    spec: {},
    nodes: [node('a', { spec: { unschedulable: true } })],
    expect: '0/1 nodes are available: 1 node(s) were unschedulable.',
  },
  {
    name: 'tainted',
    spec: {},
    nodes: [
      node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } }),
      node('b', { spec: { unschedulable: true } }),
    ],
    expect: '0/2 nodes are available: 1 node(s) had untolerated taint {k: v}, 1 node(s) were unschedulable.',
  },
  {
    name: 'tolerated',
    spec: { tolerations: [{ key: 'k', operator: 'Exists' }] },
    nodes: [node('a', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } })],
    expect: '→ a',
  },
  {
    name: 'selected by label',
    spec: { nodeSelector: { disk: 'fast' } },
    nodes: [node('a'), node('b', { metadata: { name: 'b', labels: { disk: 'fast' } } })],
    expect: '→ b',
  },
  {
    name: 'required affinity that nothing meets',
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'x', operator: 'Exists' }] }],
          },
        },
      },
    },
    nodes: [node('a')],
    expect: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'host port in use',
    spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] },
    nodes: [node('a')],
    pods: [pod({ nodeName: 'a', containers: [{ name: 'd', ports: [{ containerPort: 1, hostPort: 80 }] }] })],
    expect: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
];

for (const { name, spec, nodes, pods = [], expect } of cases) {
  test(`plan: ${name}`, () => {
    const placement = plan(pod(spec), takeSnapshot(nodes, pods));
    assert.equal(placement.kind === 'bind' ? `→ ${placement.node}` : placement.message, expect);
  });
}

test('requests: init containers count by the largest, sidecars with the containers, overhead on top', () => {
  const amounts = podRequests(
    pod({
      initContainers: [
        { name: 'sidecar', restartPolicy: 'Always', resources: { requests: { cpu: '100m' } } },
        { name: 'init', resources: { requests: { cpu: '1', memory: '1Gi' } } },
      ],
      containers: [{ name: 'c', resources: { requests: { cpu: '500m' }, limits: { memory: '64Mi' } } }],
      overhead: { cpu: '10m' },
    }),
  );
  assert.deepEqual(amounts, { cpu: 1110, memory: 1024 ** 3 });
});

function node(name: string, more: Partial<Node> = {}): Node {
  return { metadata: { name }, status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } }, ...more };
}

function pod(spec: Partial<PodSpec>): Pod {
  return { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c' }], ...spec } };
}

function requests(cpu: string): Partial<PodSpec> {
  return { containers: [{ name: 'c', resources: { requests: { cpu } } }] };
}
