import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorizer } from '../access/authz/authorizer.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { bench } from '../registry/testing/bench.ts';
import { createInProcessClient } from './in-process-client.ts';
import { createInformer } from './informer.ts';

const user = { name: 'tester', uid: '', groups: [], extra: {} };
const collection = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };

function client(allowed = true) {
  const authorizer: Authorizer = { authorize: async () => ({ allowed, reason: 'no rule allows it' }) };
  return createInProcessClient({ registry: bench().registry, authorizer, user });
}

test('objects go in and come out', async () => {
  const api = client();
  const made = await api.create(collection, { metadata: { name: 'a' }, data: { x: '1' } });
  const read = await api.get({ ...collection, name: 'a' });
  assert.deepEqual(read, made);
  assert.equal(read.kind, 'ConfigMap');
  await api.patch({ ...collection, name: 'a' }, { type: 'merge', body: { data: { x: '2' } } });
  assert.deepEqual((await api.list(collection)).items[0]?.data, { x: '2' });
  await api.delete({ ...collection, name: 'a' });
  await assert.rejects(api.get({ ...collection, name: 'a' }), { code: 'NotFound' });
});

test('authorization and the schema are not skipped', async () => {
  await assert.rejects(client(false).create(collection, { metadata: { name: 'a' } }), { code: 'Forbidden' });
  await assert.rejects(client().create(collection, { metadata: { name: 'a' }, dota: {} }), {
    code: 'BadRequest',
  });
});

test('an informer lists, follows, and tells keys', async () => {
  const api = client();
  await api.create(collection, { metadata: { name: 'a' }, data: { app: 'x' } });
  const informer = createInformer<{ data: { app: string } }>(api, collection, {
    clock: systemClock,
    log: silentLogger(),
    indexes: { app: (object) => [object.data.app] },
  });
  const stop = new AbortController();
  const keys: string[] = [];
  const seen = Promise.withResolvers<void>();
  informer.onChange((key) => {
    keys.push(key);
    if (keys.length === 4) seen.resolve();
  });
  const running = informer.run(stop.signal);
  await informer.whenSynced(AbortSignal.timeout(5000));
  assert.equal(informer.synced(), true);
  assert.equal(informer.byIndex('app', 'x').length, 1);
  await api.create(collection, { metadata: { name: 'b' }, data: { app: 'x' } });
  await api.patch({ ...collection, name: 'a' }, { type: 'merge', body: { data: { app: 'y' } } });
  await api.delete({ ...collection, name: 'b' });
  await seen.promise;
  assert.deepEqual(keys, ['default/a', 'default/b', 'default/a', 'default/b']);
  assert.equal(informer.byIndex('app', 'x').length, 0);
  assert.equal(informer.get('default/a')?.data.app, 'y');
  assert.equal(informer.get('default/b'), undefined);
  stop.abort();
  await running;
});
