import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../api/kind.ts';
import { isCode } from '../lib/errors.ts';
import { bench, kindOf, pod } from './testing/bench.ts';

const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };
const budgets = { kind: kindOf('policy', 'v1', 'poddisruptionbudgets'), namespace: 'default' };

/** Ready pods and a budget for them, as its controller would have it. */
async function withBudget(disruptionsAllowed: number, names: readonly string[]) {
  const { registry, context } = bench();
  for (const name of names) {
    await registry.create(context, pods, { ...pod(name), metadata: { name, labels: { app: 'x' } } });
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await registry.patch(
      context,
      { ...pods, name, subresource: 'status' },
      { type: 'merge', value: { status } },
    );
  }
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
  };
  await registry.create(context, budgets, budget);
  const status = {
    observedGeneration: 1,
    disruptionsAllowed,
    currentHealthy: 2,
    desiredHealthy: 1,
    expectedPods: 2,
  };
  await registry.patch(
    context,
    { ...budgets, name: 'b', subresource: 'status' },
    { type: 'merge', value: { status } },
  );
  const evict = (name: string, deleteOptions: object = {}) =>
    registry.create(context, { ...pods, name, subresource: 'eviction' }, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name },
      deleteOptions,
    } as ApiObject);
  const names_ = async () =>
    (await registry.list(context, pods, {})).items.map((item) => item.object().metadata.name);
  const left = async () => (await registry.get(context, { ...budgets, name: 'b' }, {})).object().status;
  return { evict, names: names_, left };
}

test('an eviction takes one disruption from the budget, and none is left for the next', async () => {
  const { evict, names, left } = await withBudget(1, ['a', 'b']);
  await evict('a');
  assert.deepEqual(await names(), ['b']);
  const status = (await left()) as { disruptionsAllowed: number; disruptedPods: object };
  assert.equal(status.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(status.disruptedPods), ['a']);
  await assert.rejects(
    evict('b'),
    (error) =>
      isCode(error, 'TooManyRequests') &&
      error.details[0]?.reason === 'DisruptionBudget' &&
      /disruption budget b needs 1 healthy pods and has 2/.test(error.details[0].message),
  );
  assert.deepEqual(await names(), ['b']);
});

test('a dry run in the body evicts nothing and takes nothing', async () => {
  const { evict, names, left } = await withBudget(1, ['a']);
  await evict('a', { dryRun: ['All'] });
  assert.deepEqual(await names(), ['a']);
  assert.equal(((await left()) as { disruptionsAllowed: number }).disruptionsAllowed, 1);
});

test('a pod without a budget, and one that has not started, may go', async () => {
  const { registry, context } = bench();
  await registry.create(context, pods, pod('a'));
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a' } };
  await registry.create(context, { ...pods, name: 'a', subresource: 'eviction' }, eviction);
  await assert.rejects(registry.get(context, { ...pods, name: 'a' }, {}), { code: 'NotFound' });
});
