import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import type { WatchEvent } from './registry.ts';
import { bench, configMap, contextOf, kindOf, pod } from './testing/bench.ts';

const configMaps = { kind: kindOf('', 'v1', 'configmaps'), namespace: 'default' };
const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };

test('what is created can be read: the server sets uid, time, namespace and revision', async () => {
  const { registry, context } = bench();
  const made = await registry.create(context, configMaps, configMap('a', { x: '1' }));
  const read = await registry.get(context, { ...configMaps, name: 'a' }, {});
  assert.deepEqual(read.object(), made.object());
  assert.deepEqual(JSON.parse(read.json.toString()), read.object());
  assert.match(read.object().metadata.uid ?? '', /^[0-9a-f-]{36}$/);
  assert.equal(read.object().metadata.namespace, 'default');
  assert.equal(read.object().metadata.resourceVersion, String(read.revision));
});

test('a second object of the same name is refused, a generated name is not', async () => {
  const { registry, context } = bench();
  await registry.create(context, configMaps, configMap('a'));
  await assert.rejects(registry.create(context, configMaps, configMap('a')), {
    code: 'AlreadyExists',
    message: 'configmaps "a" already exists',
  });
  const object = { ...configMap(''), metadata: { name: '', generateName: 'a-' } };
  const made = await registry.create(context, configMaps, object);
  assert.match(made.object().metadata.name, /^a-[a-z0-9]{5}$/);
});

test('a dry run writes nothing', async () => {
  const { registry, context } = bench();
  await registry.create({ ...context, dryRun: true }, configMaps, configMap('a'));
  await assert.rejects(registry.get(context, { ...configMaps, name: 'a' }, {}), {
    message: 'configmaps "a" not found',
  });
});

test('names and namespaces are checked', async () => {
  const { registry, context } = bench();
  await assert.rejects(registry.create(context, configMaps, configMap('A_b')), (error) =>
    isCode(error, 'Invalid'),
  );
  const elsewhere = { ...configMap('a'), metadata: { name: 'a', namespace: 'other' } };
  await assert.rejects(registry.create(context, configMaps, elsewhere), { code: 'BadRequest' });
});

test('unknown fields are refused, warned of or dropped as asked, and wrong types are refused', async () => {
  const { registry, context, warnings } = bench();
  const object = { ...configMap('a'), dota: {} };
  await assert.rejects(registry.create(context, configMaps, object), {
    code: 'BadRequest',
    message: 'strict decoding error: unknown field "dota"',
  });
  const made = await registry.create({ ...context, fieldValidation: 'Warn' }, configMaps, object);
  assert.equal(made.object().dota, undefined);
  assert.deepEqual(warnings, ['unknown field "dota"']);
  const wrong = { ...configMap('b'), data: 'text' };
  await assert.rejects(registry.create(context, configMaps, wrong), { code: 'BadRequest' });
});

test('an update from an old revision is a conflict, one without a revision wins', async () => {
  const { registry, context } = bench();
  const made = await registry.create(context, configMaps, configMap('a'));
  const target = { ...configMaps, name: 'a' };
  const next = { ...made.object(), data: { x: '1' } };
  const { object } = await registry.update(context, target, next);
  assert.notEqual(object.revision, made.revision);
  await assert.rejects(registry.update(context, target, { ...next, data: { x: '2' } }), { code: 'Conflict' });
  const won = await registry.update(context, target, configMap('a', { x: '3' }));
  assert.deepEqual(won.object.object().data, { x: '3' });
  assert.equal(won.object.object().metadata.uid, made.object().metadata.uid);
});

test('an update that changes nothing writes nothing', async () => {
  const { registry, context } = bench();
  const made = await registry.create(context, configMaps, configMap('a'));
  const { object } = await registry.update(context, { ...configMaps, name: 'a' }, { ...made.object() });
  assert.equal(object.revision, made.revision);
});

test('the status is written apart, and the generation counts changes of the spec', async () => {
  const { registry, context } = bench();
  const target = { ...pods, name: 'p' };
  const made = await registry.create(context, pods, { ...pod('p'), status: { phase: 'Running' } });
  assert.notEqual((made.object().status as { phase?: string } | undefined)?.phase, 'Running');
  const change = {
    ...made.object(),
    status: { phase: 'Running' },
    spec: { ...(made.object().spec as object), activeDeadlineSeconds: 5 },
  };
  const status = await registry.update(context, { ...target, subresource: 'status' }, change);
  assert.equal((status.object.object().status as { phase: string }).phase, 'Running');
  assert.equal((status.object.object().spec as Record<string, unknown>).activeDeadlineSeconds, undefined);
  assert.equal(status.object.object().metadata.generation, 1);
  const fresh = { ...status.object.object(), status: { phase: 'Failed' }, spec: change.spec };
  const spec = await registry.update(context, target, fresh);
  assert.equal((spec.object.object().status as { phase: string }).phase, 'Running');
  assert.equal(spec.object.object().metadata.generation, 2);
});

test('json, merge and strategic patches', async () => {
  const { registry, context } = bench();
  const target = { ...pods, name: 'p' };
  await registry.create(context, pods, pod('p'));
  await registry.patch(context, target, { type: 'merge', value: { metadata: { labels: { a: '1' } } } });
  await registry.patch(context, target, {
    type: 'json',
    operations: [{ op: 'add', path: '/metadata/labels/b', value: '2' }],
  });
  const value = { spec: { containers: [{ name: 'main', image: 'app:2' }] } };
  const { object } = await registry.patch(context, target, { type: 'strategic', value });
  assert.deepEqual(object.object().metadata.labels, { a: '1', b: '2' });
  const [container] = (object.object().spec as { containers: { name: string; image: string }[] }).containers;
  assert.equal(container?.image, 'app:2');
});

test('patches of many writers at once are all applied', async () => {
  const { registry, context } = bench();
  await registry.create(context, configMaps, configMap('a'));
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  await Promise.all(
    keys.map((key) =>
      registry.patch(
        context,
        { ...configMaps, name: 'a' },
        { type: 'merge', value: { data: { [key]: key } } },
      ),
    ),
  );
  const read = await registry.get(context, { ...configMaps, name: 'a' }, {});
  assert.deepEqual(Object.keys(read.object().data as object).sort(), keys);
});

test('apply creates, merges, and takes away what its manager applies no more', async () => {
  const { registry, context } = bench();
  const target = { ...configMaps, name: 'a' };
  const apply = (data: Record<string, string>, fieldManager = 'one') =>
    registry.patch({ ...context, fieldManager }, target, {
      type: 'apply',
      value: { ...configMap('a', data) },
      force: false,
    });
  assert.equal((await apply({ x: '1', y: '1' })).created, true);
  await apply({ z: '2' }, 'two');
  const { object, created } = await apply({ x: '3' });
  assert.equal(created, false);
  assert.deepEqual(object.object().data, { x: '3', z: '2' });
});

test('what another manager applied is not changed without force', async () => {
  const { registry, context } = bench();
  const apply = (x: string, fieldManager: string, force = false) =>
    registry.patch(
      { ...context, fieldManager },
      { ...configMaps, name: 'a' },
      { type: 'apply', value: { ...configMap('a', { x }) }, force },
    );
  await apply('1', 'one');
  await apply('1', 'two');
  await assert.rejects(apply('2', 'two'), {
    code: 'Conflict',
    message: 'Apply failed with 1 conflict: conflict with "one": .data.x',
  });
  assert.deepEqual((await apply('2', 'two', true)).object.object().data, { x: '2' });
  await apply('3', 'two');
});

test('a list is cut by limit and goes on at the same revision, whatever is written meanwhile', async () => {
  const { registry, context } = bench();
  for (const name of ['a', 'b', 'c', 'd']) await registry.create(context, configMaps, configMap(name));
  const first = await registry.list(context, configMaps, { limit: 3 });
  assert.equal(first.remainingItemCount, 1);
  await registry.delete(context, { ...configMaps, name: 'd' }, {});
  await registry.create(context, configMaps, configMap('e'));
  const second = await registry.list(context, configMaps, { limit: 3, continue: first.continue ?? '' });
  assert.deepEqual(
    [...first.items, ...second.items].map((item) => item.object().metadata.name),
    ['a', 'b', 'c', 'd'],
  );
  assert.equal(second.resourceVersion, first.resourceVersion);
  assert.equal(second.continue, undefined);
});

test('label and field selectors', async () => {
  const { registry, context } = bench();
  const labelled = (name: string, app: string) => ({
    ...configMap(name),
    metadata: { name, labels: { app }, annotations: { note: '"}{' } },
  });
  await registry.create(context, configMaps, labelled('a', 'one'));
  await registry.create(context, configMaps, labelled('b', 'two'));
  const names = async (query: object) =>
    (await registry.list(context, configMaps, query)).items.map((item) => item.object().metadata.name);
  assert.deepEqual(await names({ labelSelector: 'app=one' }), ['a']);
  assert.deepEqual(await names({ labelSelector: 'app notin (one)' }), ['b']);
  assert.deepEqual(await names({ fieldSelector: 'metadata.name!=a' }), ['b']);
  await assert.rejects(names({ fieldSelector: 'data.x=1' }), { code: 'BadRequest' });
});

test('a watch tells what was there, then changes, as its selector sees them', async () => {
  const { registry, context } = bench();
  const abort = new AbortController();
  const labels = (app: string) => ({ type: 'merge' as const, value: { metadata: { labels: { app } } } });
  await registry.create(context, configMaps, {
    ...configMap('a'),
    metadata: { name: 'a', labels: { app: 'x' } },
  });
  const watching = registry.watch(contextOf([], abort.signal), configMaps, {
    resourceVersion: '',
    labelSelector: 'app=x',
    allowWatchBookmarks: true,
    sendInitialEvents: true,
    resourceVersionMatch: 'NotOlderThan',
  });
  const seen: WatchEvent[] = [];
  const reading = (async () => {
    for await (const event of watching) {
      seen.push(event);
      if (seen.length === 5) abort.abort();
      if (seen.length !== 2) continue;
      await registry.create(context, configMaps, configMap('b'));
      await registry.patch(context, { ...configMaps, name: 'b' }, labels('x'));
      await registry.patch(context, { ...configMaps, name: 'a' }, labels('y'));
      await registry.delete(context, { ...configMaps, name: 'b' }, {});
    }
  })();
  await reading;
  const told = seen.map((event) =>
    event.type === 'BOOKMARK'
      ? `BOOKMARK ${event.initialEventsEnd}`
      : `${event.type} ${event.object.object().metadata.name}`,
  );
  assert.deepEqual(told, ['ADDED a', 'BOOKMARK true', 'ADDED b', 'DELETED a', 'DELETED b']);
});

test('finalizers keep what is deleted until they are gone', async () => {
  const { registry, context } = bench();
  const target = { ...configMaps, name: 'a' };
  await registry.create(context, configMaps, {
    ...configMap('a'),
    metadata: { name: 'a', finalizers: ['x.io/hold'] },
  });
  const deleted = await registry.delete(context, target, {});
  assert.equal(deleted.gone, false);
  assert.ok(deleted.object.object().metadata.deletionTimestamp);
  await registry.patch(context, target, { type: 'merge', value: { metadata: { finalizers: null } } });
  await assert.rejects(registry.get(context, target, {}), { code: 'NotFound' });
});

test('a deletion keeps to its preconditions', async () => {
  const { registry, context } = bench();
  const target = { ...configMaps, name: 'a' };
  await registry.create(context, configMaps, configMap('a'));
  await assert.rejects(registry.delete(context, target, { preconditions: { uid: 'other' } }), {
    code: 'Conflict',
  });
  assert.equal((await registry.delete(context, target, {})).gone, true);
  await assert.rejects(registry.delete(context, target, {}), { code: 'NotFound' });
});

test('deletecollection deletes what is selected', async () => {
  const { registry, context } = bench();
  for (const name of ['a', 'b', 'c']) await registry.create(context, configMaps, configMap(name));
  const gone = await registry.deleteCollection(
    context,
    configMaps,
    { fieldSelector: 'metadata.name!=b' },
    {},
  );
  assert.equal(gone.items.length, 2);
  const left = await registry.list(context, configMaps, {});
  assert.deepEqual(
    left.items.map((item) => item.object().metadata.name),
    ['b'],
  );
});
