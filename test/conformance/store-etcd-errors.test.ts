import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../../src/lib/errors.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import type { Change } from '../../src/store/store.ts';
import { NO_ETCD, startEtcd } from './etcd-server.ts';

test('etcd: a commit that it will never take is not called transient', {
  skip: NO_ETCD ?? false,
}, async () => {
  await using etcd = await startEtcd();
  const signal = AbortSignal.timeout(30_000);
  const store = await connectEtcdStore({ endpoints: [etcd.endpoint], prefix: '/amphora/' });
  const put = (name: string, bytes = Buffer.from('x')): Change => ({
    key: { resource: 'things', namespace: 'n', name },
    bytes,
  });
  try {
    const many = Array.from({ length: 200 }, (_, index) => put(`o${index}`));
    await assert.rejects(store.commit(many, signal), (error) => isCode(error, 'TooLarge'));
    const large = [put('large', Buffer.alloc(3 * 1024 * 1024))];
    await assert.rejects(store.commit(large, signal), (error) => isCode(error, 'TooLarge'));
    const twice = [put('twice'), put('twice')];
    await assert.rejects(store.commit(twice, signal), (error) => isCode(error, 'BadRequest'));
    assert.deepEqual((await store.list({ resource: 'things' }, { signal })).items, []);
  } finally {
    await store.close();
  }
});
