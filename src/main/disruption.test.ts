import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiObject } from '../api/kind.ts';
import type { PodDisruptionBudget } from '../api/types.generated.ts';
import { isCode } from '../lib/errors.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };
const SETS = { apiVersion: 'apps/v1', resource: 'replicasets', namespace: 'default' };
const BUDGETS = { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets', namespace: 'default' };

let server: TestServer;
before(async () => {
  server = await startTestServer();
  const account = { apiVersion: 'v1', resource: 'serviceaccounts', namespace: 'default', name: 'default' };
  await server.until('the service account', async () => (await server.read(account)) !== undefined);
});
after(() => server[Symbol.asyncDispose]());

async function makePods(set: ApiObject, names: readonly string[]): Promise<void> {
  const { name, uid = '' } = set.metadata;
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true }];
  for (const pod of names) {
    const metadata = { name: pod, labels: { app: 'x' }, ownerReferences };
    const spec = { containers: [{ name: 'c', image: 'i:1' }] };
    await server.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await server.client.patch(
      { ...PODS, name: pod, subresource: 'status' },
      { type: 'merge', body: { status } },
    );
  }
}

function allowed(): Promise<number | undefined> {
  return server
    .read<PodDisruptionBudget>({ ...BUDGETS, name: 'b' })
    .then((budget) =>
      budget?.status?.observedGeneration === 1 ? budget.status.disruptionsAllowed : undefined,
    );
}

async function evict(name: string): Promise<boolean> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
  return await server.client.create({ ...PODS, name, subresource: 'eviction' }, eviction).then(
    () => true,
    (error) => {
      if (!isCode(error, 'TooManyRequests')) throw error;
      return false;
    },
  );
}

test('pods are evicted as far as their budget lets them, counted from what their owner wants', async () => {
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'c', image: 'i:1' }] },
  };
  const selector = { matchLabels: { app: 'x' } };
  const set = await server.client.create<ApiObject>(SETS, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'set' },
    spec: { replicas: 3, selector, template },
  });
  await makePods(set, ['a', 'b', 'c']);
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' } };
  await server.client.create(BUDGETS, { ...budget, spec: { maxUnavailable: 1, selector } });
  await server.until('one disruption', async () => (await allowed()) === 1);
  assert.equal(await evict('a'), true);
  assert.equal(await evict('b'), false);
  assert.equal(await server.read({ ...PODS, name: 'a' }), undefined);
  await server.until('the count without a', async () => (await allowed()) === 0);
  await makePods(set, ['d']);
  await server.until('one disruption again', async () => (await allowed()) === 1);
  assert.equal(await evict('b'), true);
});
