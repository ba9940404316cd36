import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { isCode } from '../../src/lib/errors.ts';
import { compactOnce } from '../../src/store/etcd/compactor.ts';
import { EtcdConnection } from '../../src/store/etcd/connection.ts';
import { loadEtcd } from '../../src/store/etcd/load.ts';
import { EtcdSpace } from '../../src/store/etcd/space.ts';
import { connectEtcdStore, openSpace } from '../../src/store/etcd.ts';
import type { Store } from '../../src/store/store.ts';
import { NO_ETCD, startEtcd } from './etcd-server.ts';

const skip = NO_ETCD ?? false;
const PREFIX = '/amphora/';
const FIRST = { version: 0, revision: 0 };

test('etcd: reads, writes and watches go on when a member ends, whichever it is', {
  skip,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd({ members: 3 });
  const signal = AbortSignal.timeout(50_000);
  const store = await connectEtcdStore({ ...etcd.connect, prefix: PREFIX });
  const stop = new AbortController();
  try {
    const from = await store.revision(signal);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { events } of store.watch({ resource: 'things' }, from, { signal: stop.signal }))
        seen.push(...events.map(({ key }) => key.name));
    })();
    const written: string[] = [];
    for (const member of [0, 1, 2]) {
      await writeUntilDone(store, `before-${member}`, written, signal);
      await etcd.kill(member);
      // A read first: a write that etcd takes before the members miss their leader it leaves waiting for seconds.
      assert.equal((await readUntilDone(store, signal)).length, written.length);
      await writeUntilDone(store, `without-${member}`, written, signal);
      await etcd.start(member);
    }
    while (seen.length < written.length) await systemClock.sleep(5, signal);
    assert.deepEqual(seen, written, 'each once and in order');
    stop.abort();
    await watching;
  } finally {
    stop.abort();
    await store.close();
  }
});

test('etcd: servers compact in turns what is older than one round; who lags lists again', {
  skip,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd();
  const signal = AbortSignal.timeout(50_000);
  const store = await connectEtcdStore({ ...etcd.connect, prefix: PREFIX });
  const others = [0, 1].map(() => ({
    connection: new EtcdConnection(etcd.connect),
    space: new EtcdSpace(PREFIX),
    clock: systemClock,
    everyMs: 1,
  }));
  try {
    const [a, b] = others;
    if (a === undefined || b === undefined) throw new RangeError('two servers');
    const revisions: number[] = [];
    const write = async () => {
      for (let count = 0; count < 3; count += 1) revisions.push(await put(store, 'x', signal));
    };
    const expired = (revision: number) =>
      store.list({ resource: 'things' }, { signal, revision }).then(
        () => false,
        (error) => isCode(error, 'Expired'),
      );
    await write();
    const afterA = await compactOnce(a, FIRST, signal);
    const afterB = await compactOnce(b, FIRST, signal);
    assert.equal(afterA.version, 1);
    assert.equal(afterB.version, 1, 'the second found the round done, and counts from there');
    assert.equal(await expired(revisions[0] ?? 0), false, 'nothing is compacted in the first round');
    await write();
    // The window is of one round: what is older than the round before goes, the rest stays.
    await compactOnce(b, afterB, signal);
    assert.deepEqual((await compactOnce(a, afterA, signal)).version, 2, 'one of them compacted');
    assert.equal(await expired(revisions[0] ?? 0), true);
    assert.equal(await expired(revisions[3] ?? 0), false);
    const lagging = store.watch({ resource: 'things' }, (revisions[0] ?? 0) - 1, { signal });
    await assert.rejects(Array.fromAsync(lagging), (error) => isCode(error, 'Expired'));
    assert.equal((await store.list({ resource: 'things' }, { signal })).items.length, 1);
  } finally {
    await store.close();
    for (const { connection } of others) connection.close();
  }
});

test('etcd: a quiet watch is told how far it has got when somebody compacts', {
  skip,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd();
  const signal = AbortSignal.timeout(50_000);
  const store = await connectEtcdStore({ ...etcd.connect, prefix: PREFIX, compactEveryMs: 50 });
  const stop = new AbortController();
  try {
    const from = await store.revision(signal);
    let reached = from;
    for await (const batch of store.watch({ resource: 'quiet' }, from, { signal: stop.signal })) {
      assert.deepEqual(batch.events, []);
      assert.ok(batch.revision >= reached);
      reached = batch.revision;
      if (reached > from + 5) break;
    }
    // Where it got to is never compacted away.
    const resumed = store
      .watch({ resource: 'quiet' }, reached, { signal: stop.signal })
      [Symbol.asyncIterator]();
    assert.equal((await resumed.next()).done, false);
  } finally {
    stop.abort();
    await store.close();
  }
});

test('etcd: a server whose store is restored beside it tells so instead of what it knew', {
  skip,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd();
  const signal = AbortSignal.timeout(50_000);
  const store = await connectEtcdStore({ ...etcd.connect, prefix: PREFIX });
  const connection = new EtcdConnection(etcd.connect);
  try {
    const revision = await put(store, 'old', signal);
    const watch = store.watch({ resource: 'things' }, revision, { signal })[Symbol.asyncIterator]();
    await watch.next();
    const object = {
      key: { resource: 'things', namespace: '', name: 'new' },
      revision: 1,
      bytes: Buffer.from('x'),
    };
    const space = await openSpace(connection, { prefix: PREFIX, loading: true }, signal);
    const objects = Readable.from([object]);
    await assert.rejects(
      loadEtcd(connection, space, { objects, floor: 5000, force: false, signal }),
      (error) => isCode(error, 'Conflict'),
    );
    const loaded = await loadEtcd(connection, space, { objects, floor: 5000, force: true, signal });
    assert.ok(loaded.revision > 5000);
    const replaced = (error: unknown) =>
      isCode(error, 'Unavailable') && /start the server again/.test(error.message);
    await assert.rejects(async () => {
      for (let step = await watch.next(); step.done !== true; step = await watch.next());
    }, replaced);
    await assert.rejects(store.list({ resource: 'things' }, { signal }), replaced);
    await assert.rejects(put(store, 'late', signal), replaced);
    const again = await connectEtcdStore({ ...etcd.connect, prefix: PREFIX });
    const { items } = await again.list({ resource: 'things' }, { signal });
    assert.deepEqual(
      items.map(({ key }) => key.name),
      ['new'],
    );
    assert.ok((items[0]?.revision ?? 0) > 5000);
    const from = await again.revision(signal);
    const next = put(again, 'next', signal);
    for await (const batch of again.watch({ resource: 'things' }, from, { signal }))
      if (batch.events.length > 0) {
        assert.equal(batch.events[0]?.revision, await next);
        break;
      }
    await again.close();
  } finally {
    await store.close();
    connection.close();
  }
});

test('etcd: without the right certificate nothing is told', { skip, timeout: 60_000 }, async () => {
  await using etcd = await startEtcd({ tls: true });
  const { endpoints, tls } = etcd.connect;
  const connect = (options: object) => connectEtcdStore({ endpoints, prefix: PREFIX, ...options });
  const unavailable = (error: unknown) =>
    isCode(error, 'Unavailable') && /connecting to etcd at https/.test(error.message);
  await assert.rejects(connect({}), unavailable);
  await assert.rejects(connect({ tls: { ca: tls?.ca } }), unavailable);
  await (await connect({ tls })).close();
});

function put(store: Store, name: string, signal: AbortSignal): Promise<number> {
  const change = { key: { resource: 'things', namespace: '', name }, bytes: Buffer.from('x') };
  return store.commit([change], signal).then(({ revision }) => revision);
}

/** A write whose outcome nobody knows is made again; the object tells whether that was needed. */
async function writeUntilDone(
  store: Store,
  name: string,
  written: string[],
  signal: AbortSignal,
): Promise<void> {
  const key = { resource: 'things', namespace: '', name };
  for (;;) {
    const done = await store.commit([{ key, bytes: Buffer.from('x'), expected: 0 }], signal).then(
      () => true,
      (error) => {
        if (isCode(error, 'Conflict')) return true;
        if (isCode(error, 'Unavailable', 'Timeout')) return false;
        throw error;
      },
    );
    if (done) break;
  }
  written.push(name);
}

async function readUntilDone(store: Store, signal: AbortSignal) {
  for (;;) {
    try {
      return (await store.list({ resource: 'things' }, { signal })).items;
    } catch (error) {
      if (!isCode(error, 'Unavailable', 'Timeout')) throw error;
    }
  }
}
