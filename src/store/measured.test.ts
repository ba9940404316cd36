import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from './measured.ts';
import { createMemoryStore } from './memory.ts';

test('each call is noted by what it does to what, failures too', async () => {
  const { store, metric } = measured(createMemoryStore());
  const { signal } = new AbortController();
  const key = { resource: 'pods', namespace: 'default', name: 'a' };
  await store.commit([{ key, bytes: Buffer.from('{}'), expected: 0 }], signal);
  await assert.rejects(store.commit([{ key, bytes: Buffer.from('{}'), expected: 0 }], signal));
  await store.get(key, { signal });
  await store.list({ resource: 'pods' }, { signal });
  await store.commit([{ key }], signal);
  const counts = metric.expose().match(/_count\{.*/g);
  assert.deepEqual(counts?.sort(), [
    '_count{operation="create",resource="pods"} 2',
    '_count{operation="delete",resource="pods"} 1',
    '_count{operation="get",resource="pods"} 1',
    '_count{operation="list",resource="pods"} 1',
  ]);
  await store.close();
});
