import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StoreTools } from '../../src/cli/platform.ts';
import { isCode } from '../../src/lib/errors.ts';
import { type InstanceConfig, type Layout, layoutOf, newInstanceConfig } from '../../src/main/instance.ts';
import { createStoreTools, RESTORE_BUMP } from '../../src/main/store-tools.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import { encodeObject, eventKey, objectKey } from '../../src/store/layout.ts';
import { openDatabase } from '../../src/store/lmdb/database.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import type { Change, Store, StoredObject } from '../../src/store/store.ts';
import { NO_ETCD, startEtcd } from './etcd-server.ts';

const OBJECTS = 10_000;
const RESOURCES = ['configmaps', 'pods', 'deployments.apps'];
const signal = AbortSignal.timeout(120_000);
const skip = process.getuid?.() === 0 ? false : 'needs root, as the verbs do';
const work = { signal, report: () => {} };

test('10,000 objects go from LMDB to etcd and back, whole, in order, with ever higher revisions', {
  skip: NO_ETCD ?? skip,
  timeout: 120_000,
}, async () => {
  await using etcd = await startEtcd({ tls: true });
  await using place = await createPlace({ name: 'x', store: 'lmdb' });
  const store = await openLmdbStore(place.storeDirectory);
  await fill(store, OBJECTS);
  const before = await readAll(store);
  const last = await store.revision(signal);
  await store.close();

  const { files, connect } = etcd;
  const flags = {
    etcdServers: connect.endpoints,
    etcdCafile: files.ca,
    etcdCertfile: files.cert,
    etcdKeyfile: files.key,
  };
  const moved = await place.tools.migrate({ to: 'etcd', ...flags }, { ...work, force: false });
  assert.equal(moved.objects, OBJECTS);
  assert.equal((await place.config()).store, 'etcd');
  const shared = await connectEtcdStore({ ...connect, prefix: '/amphora/' });
  const inEtcd = await readAll(shared);
  mustBeSame(before, inEtcd);
  assert.ok(Math.min(...inEtcd.map(({ revision }) => revision)) > last, 'no revision comes again');
  const expired = (error: unknown) => isCode(error, 'Expired');
  await assert.rejects(Array.fromAsync(shared.watch({ resource: 'pods' }, last, { signal })), expired);
  await assert.rejects(shared.list({ resource: 'pods' }, { signal, revision: last }), expired);
  const one = inEtcd[0];
  assert.ok(one !== undefined);
  const stale = {
    key: one.key,
    bytes: one.bytes,
    expected: before.find(({ key }) => sameKey(key, one.key))?.revision ?? 0,
  };
  await assert.rejects(shared.commit([stale], signal), (error) => isCode(error, 'Conflict'));
  await shared.commit([{ ...stale, expected: one.revision }], signal);
  const newest = await shared.revision(signal);
  await shared.close();
  assert.equal((await place.tools.check(undefined, work)).faultCount, 0);

  await assert.rejects(place.tools.migrate({ to: 'lmdb' }, { ...work, force: false }), (error) =>
    isCode(error, 'Conflict'),
  );
  await place.tools.migrate({ to: 'lmdb' }, { ...work, force: true });
  const again = await openLmdbStore(place.storeDirectory);
  const back = await readAll(again);
  assert.equal(back.length, OBJECTS);
  assert.ok(Math.min(...back.map(({ revision }) => revision)) > newest);
  await assert.rejects(Array.fromAsync(again.watch({ resource: 'pods' }, newest, { signal })), expired);
  await again.close();
  const found = await place.tools.check(undefined, work);
  assert.deepEqual([found.source, found.objects, found.faults], ['lmdb', OBJECTS, []]);
});

test('a backup is taken at one revision while the server writes, and restored above all that was given out', {
  skip,
}, async () => {
  await using place = await createPlace({ name: 'x', store: 'lmdb' });
  const file = join(place.folder, 'backup');
  const store = await openLmdbStore(place.storeDirectory);
  await fill(store, 1000);
  const before = await readAll(store);
  const revision = await store.revision(signal);
  const made = place.tools.backup(file, work);
  const later = fill(store, 50, 'later');
  assert.equal((await made).objects, 1000 + (await made).revision - revision, 'as it was at its revision');
  await later;
  await store.close();
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(
    (await readdir(place.folder)).filter((name) => name.endsWith('.tmp')),
    [],
  );

  await assert.rejects(place.tools.restore(file, { ...work, force: false }), (error) =>
    isCode(error, 'Conflict'),
  );
  const restored = await place.tools.restore(file, { ...work, force: true });
  assert.ok(restored.revision > revision + RESTORE_BUMP);
  const again = await openLmdbStore(place.storeDirectory);
  mustBeSame(
    before,
    (await readAll(again)).filter(({ key }) => key.namespace !== 'later'),
  );
  await again.close();
  assert.equal((await place.tools.check(file, work)).faultCount, 0);
});

test('a backup that is damaged or cut off changes nothing', { skip }, async () => {
  await using place = await createPlace({ name: 'x', store: 'lmdb' });
  const file = join(place.folder, 'backup');
  const store = await openLmdbStore(place.storeDirectory);
  await fill(store, 200);
  await store.close();
  await place.tools.backup(file, work);
  const whole = await readFile(file);
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(whole.length >> 1) ^ 1, whole.length >> 1);
  for (const broken of [
    flipped,
    whole.subarray(0, whole.length - 40),
    whole.subarray(0, 3),
    Buffer.from('no backup'),
    Buffer.alloc(0),
  ]) {
    await writeFile(file, broken);
    await assert.rejects(place.tools.restore(file, { ...work, force: true }), (error) =>
      isCode(error, 'Corrupt'),
    );
  }
  await assert.rejects(place.tools.restore(`${file}.none`, { ...work, force: true }), (error) =>
    isCode(error, 'NotFound'),
  );
  const found = await place.tools.check(undefined, work);
  assert.deepEqual([found.objects, found.faults], [200, []]);
  assert.ok(found.events >= 200);
});

test('a check finds what does not belong together', { skip }, async () => {
  await using place = await createPlace({ name: 'x', store: 'lmdb' });
  const store = await openLmdbStore(place.storeDirectory);
  await fill(store, 20);
  const [a, b, c] = await readAll(store);
  const newest = await store.revision(signal);
  await store.close();
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const database = await openDatabase(place.storeDirectory);
  await database.put(objectKey(a.key), encodeObject(a.revision, Buffer.from('{"broken')));
  await database.put(objectKey(b.key), encodeObject(newest + 5, b.bytes));
  await database.put(objectKey({ ...c.key, name: 'other' }), encodeObject(c.revision, c.bytes));
  await database.put(eventKey(newest + 9, 0), Buffer.alloc(3));
  await database.close();
  const text = (await place.tools.check(undefined, work)).faults.join('\n');
  for (const wrong of [
    /its bytes are no object/,
    /is not within the store's/,
    /it says to be/,
    /cannot be read/,
    /the log ends at/,
  ])
    assert.match(text, wrong);
});

/** An instance in a folder of its own, and the verbs' tools over it. */
async function createPlace(given: { readonly name: string; readonly store: 'lmdb' }) {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-tools-'));
  const layout: Layout = {
    ...layoutOf('amphora'),
    run: join(folder, 'run'),
    config: join(folder, 'config'),
    configFile: join(folder, 'config.json'),
    serverState: join(folder, 'server'),
    user: 'root',
  };
  const storeDirectory = join(layout.serverState, 'store');
  await writeFile(layout.configFile, JSON.stringify(newInstanceConfig(given.name, given)));
  const tools: StoreTools = createStoreTools(layout);
  return {
    folder,
    storeDirectory,
    tools,
    config: async () => JSON.parse(await readFile(layout.configFile, 'utf8')) as InstanceConfig,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

async function fill(store: Store, count: number, namespace = 'n'): Promise<void> {
  const filler = randomBytes(300).toString('hex');
  const changes = Array.from({ length: count }, (_, index): Change => {
    const resource = RESOURCES[index % RESOURCES.length] ?? '';
    const name = `o${(index * 7919) % count}`;
    const object = { kind: 'Thing', apiVersion: 'test/v1', metadata: { name, namespace }, filler };
    return { key: { resource, namespace, name }, bytes: Buffer.from(JSON.stringify(object)) };
  });
  await Promise.all(changes.map((change) => store.commit([change], signal)));
}

/** In order of revision. */
async function readAll(store: Store): Promise<readonly StoredObject[]> {
  const pages = await Promise.all(RESOURCES.map((resource) => store.list({ resource }, { signal })));
  return pages.flatMap(({ items }) => items).sort((a, b) => a.revision - b.revision);
}

/** The same objects, and no two in another order. Objects that were apart may have come to share a revision. */
function mustBeSame(before: readonly StoredObject[], after: readonly StoredObject[]): void {
  const text = ({ key }: StoredObject) => `${key.resource} ${key.namespace}/${key.name}`;
  const found = new Map(after.map((object) => [text(object), object]));
  assert.equal(found.size, before.length);
  let newest = 0;
  for (const object of before) {
    const other = found.get(text(object));
    assert.ok(other !== undefined, text(object));
    assert.ok(other.bytes.equals(object.bytes), text(object));
    assert.ok(other.revision >= newest, 'the order is kept');
    newest = other.revision;
  }
}

function sameKey(a: StoredObject['key'], b: StoredObject['key']): boolean {
  return a.resource === b.resource && a.namespace === b.namespace && a.name === b.name;
}
