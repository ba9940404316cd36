import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMemoryStore } from '../store/memory.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

const store = createMemoryStore();
let api: Fixture;
before(async () => {
  api = await startFixture({ store });
});
after(async () => {
  await api[Symbol.asyncDispose]();
});

const NAMESPACE = '/api/v1/namespaces/default';
const MAPS = `${NAMESPACE}/configmaps`;
const APPS = '/apis/apps/v1/namespaces/default/deployments';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

const labels = { app: 'x' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
const map = (metadata: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: '1' } });
const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', ...template, metadata: { name, labels } });
const budget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'b' },
  spec: { minAvailable: 0, selector: { matchLabels: labels } },
};

const there: ReadonlyArray<readonly [string, object]> = [
  [MAPS, map({ name: 'there', finalizers: ['a/b'] })],
  [MAPS, map({ name: 'gone' })],
  [`${NAMESPACE}/pods`, pod('unbound')],
  [`${NAMESPACE}/pods`, pod('bound')],
  [BUDGETS, budget],
  [
    APPS,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { selector: { matchLabels: labels }, template },
    },
  ],
];

const node = {
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name: 'unbound' },
  target: { kind: 'Node', name: 'n' },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { generateName: 's-' },
  spec: { type: 'NodePort', ports: [{ port: 80 }] },
};
const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'new' }, spec: {} };
const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'bound' } };

const calls: ReadonlyArray<readonly [string, string, unknown, number, string?]> = [
  ['POST', MAPS, map({ generateName: 'new-' }), 201],
  ['POST', `${NAMESPACE}/services`, service, 201],
  ['PUT', `${MAPS}/there`, map({ name: 'there', labels }), 200],
  ['PUT', `${LEASES}/new`, lease, 201],
  ['PATCH', `${MAPS}/there`, { data: { b: '2' } }, 200, 'application/merge-patch+json'],
  ['PATCH', `${MAPS}/there`, { data: { b: '2' } }, 200, 'application/strategic-merge-patch+json'],
  ['PATCH', `${MAPS}/there`, [{ op: 'remove', path: '/data' }], 200, 'application/json-patch+json'],
  ['PATCH', `${MAPS}/there`, map({ name: 'there' }), 200, 'application/apply-patch+yaml'],
  ['PATCH', `${MAPS}/absent`, map({ name: 'absent' }), 201, 'application/apply-patch+yaml'],
  ['PATCH', `${APPS}/d/scale`, { spec: { replicas: 5 } }, 200, 'application/merge-patch+json'],
  ['PATCH', `${APPS}/d/status`, { status: { replicas: 5 } }, 200, 'application/merge-patch+json'],
  ['POST', `${NAMESPACE}/pods/unbound/binding`, node, 201],
  ['POST', `${NAMESPACE}/pods/bound/eviction`, eviction, 201],
  ['DELETE', `${MAPS}/there`, undefined, 200],
  ['DELETE', `${MAPS}/gone`, undefined, 200],
  ['DELETE', MAPS, undefined, 200],
  ['DELETE', NAMESPACE, undefined, 200],
];

test('a dry run of any verb answers as if it were done, and writes nothing', async () => {
  for (const [path, body] of there) {
    const made = await api.call('POST', path, { body });
    assert.equal(made.status, 201, made.text);
  }
  const status = { status: { disruptionsAllowed: 1, observedGeneration: 1, phase: 'Running' } };
  const headers = { 'content-type': 'application/merge-patch+json' };
  for (const path of [`${BUDGETS}/b/status`, `${NAMESPACE}/pods/bound/status`])
    assert.equal((await api.call('PATCH', path, { body: status, headers })).status, 200);
  const signal = AbortSignal.timeout(10_000);
  const { revision } = await store.list({ resource: 'configmaps' }, { signal });
  for (const [method, path, body, wanted, type] of calls) {
    const query = type === 'application/apply-patch+yaml' ? '&fieldManager=m&force=true' : '';
    const answer = await api.call(method, `${path}?dryRun=All${query}`, {
      body,
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    });
    assert.equal(answer.status, wanted, `${method} ${path}: ${answer.text}`);
    assert.equal(
      (await store.list({ resource: 'configmaps' }, { signal })).revision,
      revision,
      `${method} ${path}`,
    );
  }
});
