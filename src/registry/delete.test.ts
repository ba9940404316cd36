import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../api/kind.ts';
import type { DeleteOptions } from './registry.ts';
import { bench, configMap, kindOf, pod } from './testing/bench.ts';

const configMaps = { kind: kindOf('', 'v1', 'configmaps'), namespace: 'default' };
const jobs = { kind: kindOf('batch', 'v1', 'jobs'), namespace: 'default' };
const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };

const PROPAGATION: readonly {
  readonly policy?: DeleteOptions['propagationPolicy'];
  readonly before?: string[];
  /** What is left; undefined: the object is gone. */
  readonly after?: string[];
}[] = [
  {},
  { policy: 'Background' },
  { policy: 'Foreground', after: ['foregroundDeletion'] },
  { policy: 'Orphan', after: ['orphan'] },
  { before: ['example.com/a'], after: ['example.com/a'] },
  { before: ['orphan'], after: ['orphan'] },
  { before: ['foregroundDeletion'], policy: 'Background' },
  {
    before: ['orphan', 'example.com/a'],
    policy: 'Foreground',
    after: ['example.com/a', 'foregroundDeletion'],
  },
];
for (const { policy, before = [], after } of PROPAGATION)
  test(`delete ${policy ?? 'without a policy'} of what has [${before}] leaves ${after ?? 'nothing'}`, async () => {
    const { registry, context } = bench();
    const object = { ...configMap('a'), metadata: { name: 'a', finalizers: before } };
    await registry.create(context, configMaps, object);
    const options = policy === undefined ? {} : { propagationPolicy: policy };
    const { gone, object: left } = await registry.delete(context, { ...configMaps, name: 'a' }, options);
    assert.equal(gone, after === undefined);
    if (after === undefined) return;
    assert.deepEqual(left.metadata().finalizers, after);
    assert.match(left.metadata().deletionTimestamp ?? '', /Z$/);
    assert.equal(left.metadata().deletionGracePeriodSeconds, 0);
  });

test('a policy that comes later takes the place of the first, and may let the object go', async () => {
  const { registry, context } = bench();
  const target = { ...configMaps, name: 'a' };
  await registry.create(context, configMaps, configMap('a'));
  await registry.delete(context, target, { propagationPolicy: 'Foreground' });
  const { object } = await registry.delete(context, target, { propagationPolicy: 'Orphan' });
  assert.deepEqual(object.metadata().finalizers, ['orphan']);
  assert.equal((await registry.delete(context, target, { propagationPolicy: 'Background' })).gone, true);
});

test('a Job leaves its pods unless the caller says otherwise', async () => {
  const { registry, context } = bench();
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a:1' }] } };
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'a' }, spec: { template } };
  await registry.create(context, jobs, job);
  const { object } = await registry.delete(context, { ...jobs, name: 'a' }, {});
  assert.deepEqual(object.metadata().finalizers, ['orphan']);
  const told = await registry.delete(context, { ...jobs, name: 'a' }, { propagationPolicy: 'Background' });
  assert.equal(told.gone, true);
});

test('preconditions are refused in upstream’s words', async () => {
  const { registry, context } = bench();
  const made = await registry.create(context, configMaps, configMap('a'));
  const { uid } = made.metadata();
  const target = { ...configMaps, name: 'a' };
  await assert.rejects(registry.delete(context, target, { preconditions: { uid: 'x' } }), {
    code: 'Conflict',
    message: `Operation cannot be fulfilled on configmaps "a": the UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  });
  await assert.rejects(registry.delete(context, target, { preconditions: { resourceVersion: '1' } }), {
    code: 'Conflict',
    message: `Operation cannot be fulfilled on configmaps "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${made.revision}). The object might have been modified`,
  });
});

test('a pod’s grace can be shortened and never made longer', async () => {
  const { registry, context } = bench();
  await registry.create(context, pods, pod('p', { nodeName: 'n' }));
  const target = { ...pods, name: 'p' };
  const remove = (gracePeriodSeconds?: number) =>
    registry.delete(context, target, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
  const grace = async (asked?: number) => (await remove(asked)).object.metadata().deletionGracePeriodSeconds;
  const first = (await remove(20)).object.metadata();
  assert.equal(first.generation, 2);
  assert.equal(await grace(), 20);
  assert.equal(await grace(25), 20);
  const second = (await remove(5)).object.metadata();
  assert.equal(second.deletionGracePeriodSeconds, 5);
  assert.equal(second.generation, 2);
  const earlier = Date.parse(first.deletionTimestamp ?? '') - Date.parse(second.deletionTimestamp ?? '');
  assert.equal(earlier, 15_000);
  assert.equal(await grace(-3), 1);
  assert.equal((await remove(0)).gone, true);
});

test('a collection is deleted as selected, each object at a revision of its own', async () => {
  const { registry, context, store } = bench();
  for (const name of ['a', 'b', 'c', 'd'])
    await registry.create(context, configMaps, {
      ...configMap(name),
      metadata: { name, labels: { half: name < 'c' ? '1' : '2' } },
    });
  const before = await store.revision(context.signal);
  const deleted = await registry.deleteCollection(context, configMaps, { labelSelector: 'half=2' }, {});
  assert.deepEqual(names(deleted.items), ['c', 'd']);
  assert.deepEqual(names((await registry.list(context, configMaps, {})).items), ['a', 'b']);
  assert.equal(await store.revision(context.signal), before + 2);
});

function names(items: readonly { metadata(): Readonly<ApiObject['metadata']> }[]): string[] {
  return items.map((item) => item.metadata().name);
}
