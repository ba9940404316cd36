import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../../api/kind.ts';
import type { ResourceQuotaSpec } from '../../../api/types.generated.ts';
import { charge } from './charge.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

function pod(spec: Record<string, unknown> = {}, more: Record<string, unknown> = {}): ApiObject {
  const containers = [{ name: 'a', image: 'a:1' }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers, ...spec }, ...more };
}

function asking(requests: Record<string, string>, limits: Record<string, string> = {}): ApiObject {
  return pod({ containers: [{ name: 'a', image: 'a:1', resources: { requests, limits } }] });
}

interface Case {
  readonly name: string;
  readonly spec: ResourceQuotaSpec;
  readonly used?: Record<string, string>;
  readonly resource?: string;
  readonly object: ApiObject;
  readonly old?: ApiObject;
  readonly expected: Record<string, string> | string | undefined;
}

const service = (spec: Record<string, unknown>): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec,
});
const claim = (size: string, storageClassName: string): ApiObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c' },
  spec: { storageClassName, resources: { requests: { storage: size } } },
});

const CASES: readonly Case[] = [
  { name: 'what it does not name', spec: { hard: { secrets: '1' } }, object: pod(), expected: undefined },
  {
    name: 'a pod',
    spec: { hard: { pods: '2' } },
    used: { pods: '1' },
    object: pod(),
    expected: { pods: '2' },
  },
  {
    name: 'a pod too many',
    spec: { hard: { pods: '2', 'count/pods': '2' } },
    used: { pods: '2', 'count/pods': '2' },
    object: pod(),
    expected:
      'exceeded quota: q, requested: count/pods=1,pods=1, used: count/pods=2,pods=2, limited: count/pods=2,pods=2',
  },
  {
    name: 'only what is exceeded is said',
    spec: { hard: { pods: '2', 'requests.memory': '1Gi' } },
    used: { pods: '0', 'requests.memory': '900Mi' },
    object: asking({ memory: '200Mi' }),
    expected:
      'exceeded quota: q, requested: requests.memory=200Mi, used: requests.memory=900Mi, limited: requests.memory=1Gi',
  },
  {
    name: 'compute by each of its names',
    spec: { hard: { cpu: '4', 'requests.cpu': '4', 'limits.cpu': '4' } },
    used: { cpu: '1', 'requests.cpu': '1', 'limits.cpu': '0' },
    object: asking({ cpu: '500m' }, { cpu: '1' }),
    expected: { cpu: '1500m', 'requests.cpu': '1500m', 'limits.cpu': '1' },
  },
  {
    name: 'who does not say',
    spec: { hard: { 'limits.cpu': '4', 'requests.memory': '1Gi' } },
    used: { 'limits.cpu': '0', 'requests.memory': '0' },
    object: pod({ initContainers: [{ name: 'i', image: 'i:1' }] }),
    expected: 'failed quota: q: must specify limits.cpu for: a,i; requests.memory for: a,i',
  },
  {
    name: 'an extended resource',
    spec: { hard: { 'requests.example.com/gpu': '1' } },
    used: { 'requests.example.com/gpu': '1' },
    object: asking({ 'example.com/gpu': '1' }, { 'example.com/gpu': '1' }),
    expected:
      'exceeded quota: q, requested: requests.example.com/gpu=1, used: requests.example.com/gpu=1, limited: requests.example.com/gpu=1',
  },
  {
    name: 'a pod that has ended',
    spec: { hard: { pods: '1' } },
    used: { pods: '1' },
    object: pod({}, { status: { phase: 'Succeeded' } }),
    expected: undefined,
  },
  {
    name: 'nothing is known of its use',
    spec: { hard: { pods: '1' } },
    used: {},
    object: pod(),
    expected: 'status unknown for quota: q, resources: pods',
  },
  {
    name: 'a scope that is another',
    spec: { hard: { pods: '0' }, scopes: ['BestEffort'] },
    used: { pods: '0' },
    object: asking({ cpu: '1' }),
    expected: undefined,
  },
  {
    name: 'a scope that is this',
    spec: { hard: { pods: '0' }, scopes: ['BestEffort', 'NotTerminating'] },
    used: { pods: '0' },
    object: pod(),
    expected: 'exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
  },
  {
    name: 'a priority class',
    spec: {
      hard: { pods: '1' },
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    },
    used: { pods: '0' },
    object: pod({ priorityClassName: 'high' }),
    expected: { pods: '1' },
  },
  {
    name: 'another priority class',
    spec: {
      hard: { pods: '0' },
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    },
    used: { pods: '0' },
    object: pod({ priorityClassName: 'low' }),
    expected: undefined,
  },
  {
    name: 'a scope is of pods only',
    spec: { hard: { secrets: '0' }, scopes: ['NotTerminating'] },
    used: { secrets: '0' },
    resource: 'secrets',
    object: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } },
    expected: undefined,
  },
  {
    name: 'any kind by its count',
    spec: { hard: { 'count/widgets.example.com': '1' } },
    used: { 'count/widgets.example.com': '1' },
    resource: 'widgets.example.com',
    object: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } },
    expected:
      'exceeded quota: q, requested: count/widgets.example.com=1, used: count/widgets.example.com=1, limited: count/widgets.example.com=1',
  },
  {
    name: 'ports of a service that becomes one of nodes',
    spec: { hard: { services: '1', 'services.nodeports': '2' } },
    used: { services: '1', 'services.nodeports': '1' },
    resource: 'services',
    object: service({ type: 'NodePort', ports: [{ port: 1 }] }),
    old: service({ type: 'ClusterIP', ports: [{ port: 1 }] }),
    expected: { services: '1', 'services.nodeports': '2' },
  },
  {
    name: 'a balancer without node ports',
    spec: { hard: { 'services.loadbalancers': '1', 'services.nodeports': '0' } },
    used: { 'services.loadbalancers': '0', 'services.nodeports': '0' },
    resource: 'services',
    object: service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 1 }] }),
    expected: { 'services.loadbalancers': '1', 'services.nodeports': '0' },
  },
  {
    name: 'a claim that grows',
    spec: {
      hard: { 'requests.storage': '10Gi', 'fast.storageclass.storage.k8s.io/requests.storage': '10Gi' },
    },
    used: { 'requests.storage': '4Gi', 'fast.storageclass.storage.k8s.io/requests.storage': '4Gi' },
    resource: 'persistentvolumeclaims',
    object: claim('3Gi', 'fast'),
    old: claim('1Gi', 'fast'),
    expected: { 'requests.storage': '6Gi', 'fast.storageclass.storage.k8s.io/requests.storage': '6Gi' },
  },
];

for (const { name, spec, used, resource = 'pods', object, old, expected } of CASES)
  test(`quota: ${name}`, () => {
    const status = { hard: spec.hard ?? {}, ...(used === undefined ? {} : { used }) };
    const found = charge({ metadata: { name: 'q' }, spec, status }, { resource, object, old, now: NOW });
    if (expected === undefined) assert.deepEqual(found, { type: 'unchanged' });
    else if (typeof expected === 'string') assert.deepEqual(found, { type: 'refused', why: expected });
    else assert.deepEqual(found, { type: 'charged', used: expected });
  });
