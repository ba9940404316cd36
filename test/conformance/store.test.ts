import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isCode } from '../../src/lib/errors.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { NO_ETCD, startEtcd } from './etcd-server.ts';
import { storeConformance } from './store.ts';

storeConformance({ name: 'memory', open: async () => createMemoryStore(), close: async () => {} });

const folders: string[] = [];
let newest = '';

storeConformance({
  name: 'lmdb',
  open: async () => {
    newest = await mkdtemp(join(tmpdir(), 'amphora-lmdb-'));
    folders.push(newest);
    return await openLmdbStore(newest);
  },
  reopen: async (store) => {
    await store.close();
    return await openLmdbStore(newest);
  },
  close: async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  },
});

let etcd: Awaited<ReturnType<typeof startEtcd>> | undefined;
let prefixes = 0;
const connect = (prefix: number) =>
  connectEtcdStore({ endpoints: [etcd?.endpoint ?? ''], prefix: `/amphora-${prefix}/` });

storeConformance({
  name: 'etcd',
  ...(NO_ETCD === undefined ? {} : { skip: NO_ETCD }),
  open: async () => {
    etcd ??= await startEtcd();
    prefixes += 1;
    return await connect(prefixes);
  },
  reopen: async (store) => {
    await store.close();
    return await connect(prefixes);
  },
  close: async () => {
    await etcd?.[Symbol.asyncDispose]();
  },
});

test('lmdb: files are for their owner only, and a second opener is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-lmdb-'));
  const store = await openLmdbStore(join(folder, 'store'));
  try {
    assert.equal((await stat(join(folder, 'store'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(folder, 'store', 'data.mdb'))).mode & 0o777, 0o600);
    await assert.rejects(openLmdbStore(join(folder, 'store')), (error) => isCode(error, 'Unavailable'));
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});
