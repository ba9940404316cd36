import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isCode } from '../../src/lib/errors.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import { encodeNumber, FORMAT, metaKey } from '../../src/store/layout.ts';
import { openDatabase } from '../../src/store/lmdb/database.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { StoreEvent } from '../../src/store/store.ts';
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

test('lmdb: files of a newer format are left alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-lmdb-'));
  try {
    await (await openLmdbStore(folder)).close();
    const database = await openDatabase(folder);
    await database.put(metaKey('format'), encodeNumber(FORMAT + 1));
    await database.close();
    await assert.rejects(openLmdbStore(folder), (error) => isCode(error, 'HostLacks'));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('lmdb: what was acknowledged before a kill is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-lmdb-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'store-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let told = '';
  for await (const chunk of child.stdout) {
    told += chunk;
    if (told.split('\n').length > 20 && !child.killed) child.kill('SIGKILL');
  }
  await ended;
  const acknowledged = told.split('\n').slice(0, -1);
  const store = await openLmdbStore(folder);
  try {
    const { items } = await store.list({ resource: 'things' }, { signal: AbortSignal.timeout(10_000) });
    const kept = new Set(items.map(({ key, revision }) => `${key.name} ${revision}`));
    assert.ok(acknowledged.length >= 20);
    assert.deepEqual(
      acknowledged.filter((line) => !kept.has(line)),
      [],
    );
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});

const noMount = process.getuid?.() === 0 ? false : 'needs root, for a small file system';

test('lmdb: a full disk refuses commits whole, and the store goes on', { skip: noMount }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-lmdb-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder]);
  try {
    const signal = AbortSignal.timeout(30_000);
    let store = await openLmdbStore(folder);
    const pair = (index: number) =>
      ['a', 'b'].map((half) => ({
        key: { resource: 'things', namespace: half, name: `${index}` },
        bytes: Buffer.alloc(20_000),
      }));
    let written = 0;
    await assert.rejects(
      async () => {
        for (; written < 1000; written += 1) await store.commit(pair(written), signal);
      },
      (error) => isCode(error, 'OutOfSpace'),
    );
    assert.ok(written > 0);
    assert.equal((await store.list({ resource: 'things' }, { signal })).items.length, 2 * written);
    await assert.rejects(store.commit(pair(written), signal), (error) => isCode(error, 'OutOfSpace'));
    execFileSync('mount', ['-o', 'remount,size=8m', folder]);
    const { revision } = await store.commit(pair(written), signal);
    await store.close();
    store = await openLmdbStore(folder);
    assert.equal(await store.revision(signal), revision);
    assert.equal((await store.list({ resource: 'things' }, { signal })).items.length, 2 * written + 2);
    await store.close();
  } finally {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  }
});

for (const { name, open } of [
  { name: 'memory', open: async (_: string) => createMemoryStore() },
  { name: 'lmdb', open: openLmdbStore },
]) {
  test(`${name}: a long past comes in parts, whole and in order, and a quiet watch is told how far it got`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'amphora-store-'));
    const store = await open(folder);
    const stop = new AbortController();
    try {
      const from = await store.revision(stop.signal);
      const write = (resource: string, changes: number) =>
        store.commit(
          Array.from({ length: changes }, (_, index) => ({
            key: { resource, namespace: '', name: `${index}` },
            bytes: Buffer.from('x'),
          })),
          stop.signal,
        );
      for (let round = 0; round < 5; round += 1) await write('things', 333);
      const newest = await store.revision(stop.signal);
      const seen: StoreEvent[] = [];
      let parts = 0;
      let others: Promise<unknown> | undefined;
      for await (const batch of store.watch({ resource: 'things' }, from, { signal: stop.signal })) {
        parts += 1;
        seen.push(...batch.events);
        assert.ok(batch.revision <= newest || seen.length === 5 * 333);
        if (batch.revision === newest)
          others ??= Promise.all(Array.from({ length: 150 }, () => write('others', 1)));
        if (batch.revision > newest) break;
      }
      await others;
      assert.ok(parts >= 4);
      const expected = Array.from({ length: 5 * 333 }, (_, index) => `${from + 1 + Math.floor(index / 333)}`);
      assert.deepEqual(
        seen.map(({ revision }) => `${revision}`),
        expected,
      );
      assert.equal(new Set(seen.map(({ revision, key }) => `${revision} ${key.name}`)).size, 5 * 333);
    } finally {
      stop.abort();
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
}
