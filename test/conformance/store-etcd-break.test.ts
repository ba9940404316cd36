import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { isCode } from '../../src/lib/errors.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import { NO_ETCD, startEtcd } from './etcd-server.ts';

const RESOURCE = 'broken';
/** etcd tells the past in pieces of 1000 revisions. */
const COMMITS = 1100;
/** More than the watch's start, less than the first piece. */
const CUT_AFTER_BYTES = 20_000;

test('etcd: a watch whose connection breaks while it is told the past misses nothing and is told nothing twice', {
  skip: NO_ETCD ?? false,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd();
  await using proxy = await startProxy(Number(new URL(etcd.endpoint).port));
  const signal = AbortSignal.timeout(50_000);
  const writer = await connectEtcdStore({ endpoints: [etcd.endpoint], prefix: '/amphora/' });
  const reader = await connectEtcdStore({ endpoints: [proxy.endpoint], prefix: '/amphora/' });
  try {
    const from = await writer.revision(signal);
    const names = Array.from({ length: COMMITS }, (_, index) => `o${index}`);
    await Promise.all(
      names.map((name) =>
        writer.commit(
          [{ key: { resource: RESOURCE, namespace: 'n', name }, bytes: Buffer.from('x') }],
          signal,
        ),
      ),
    );
    proxy.cutAfter(CUT_AFTER_BYTES);
    const seen: string[] = [];
    let reached = from;
    for await (const batch of reader.watch({ resource: RESOURCE }, from, { signal })) {
      seen.push(...batch.events.map((event) => event.key.name));
      reached = batch.events.at(-1)?.revision ?? reached;
      // What comes in parts may be cut inside of a revision, and then promises one less.
      assert.ok(batch.revision === reached || batch.revision === reached - 1 || seen.length === COMMITS);
      if (seen.length >= COMMITS) break;
    }
    assert.equal(proxy.cuts(), 1);
    assert.deepEqual([...seen].sort(), [...names].sort());
  } finally {
    await reader.close();
    await writer.close();
  }
});

test('etcd: a server that was cut off for longer than history is kept tells its watchers to list again', {
  skip: NO_ETCD ?? false,
  timeout: 60_000,
}, async () => {
  await using etcd = await startEtcd();
  await using proxy = await startProxy(Number(new URL(etcd.endpoint).port));
  const signal = AbortSignal.timeout(50_000);
  const writer = await connectEtcdStore({ endpoints: [etcd.endpoint], prefix: '/amphora/' });
  const reader = await connectEtcdStore({ endpoints: [proxy.endpoint], prefix: '/amphora/' });
  const write = (name: string) =>
    writer.commit([{ key: { resource: RESOURCE, namespace: 'n', name }, bytes: Buffer.from('x') }], signal);
  try {
    const from = await reader.revision(signal);
    const watch = reader.watch({ resource: RESOURCE }, from, { signal })[Symbol.asyncIterator]();
    await watch.next();
    proxy.refuse(true);
    await write('unseen');
    await writer.compact((await write('also-unseen')).revision, signal);
    const unseen = watch.next();
    proxy.refuse(false);
    await assert.rejects(unseen, (error) => isCode(error, 'Expired'));
    // Listed again, it goes on.
    const page = await reader.list({ resource: RESOURCE }, { signal });
    assert.equal(page.items.length, 2);
    const again = reader.watch({ resource: RESOURCE }, page.revision, { signal })[Symbol.asyncIterator]();
    await again.next();
    await write('seen');
    for (let names: string[] = []; !names.includes('seen'); ) {
      const { value } = await again.next();
      names = value?.events.map(({ key }: { key: { name: string } }) => key.name) ?? [];
    }
  } finally {
    await reader.close();
    await writer.close();
  }
});

/** Passes connections on to a local port, and can break them. */
async function startProxy(port: number) {
  const sockets = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let cuts = 0;
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    near.pipe(far);
    far.on('data', (chunk) => {
      near.write(chunk);
      left -= chunk.length;
      if (left > 0) return;
      cuts += 1;
      cut();
    });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}); // Breaking is what this proxy is for.
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = () => {
    left = Number.POSITIVE_INFINITY;
    for (const socket of sockets) socket.destroy();
  };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    /** Breaks all connections once, after so many bytes from there. */
    cutAfter: (bytes: number) => {
      left = bytes;
    },
    cuts: () => cuts,
    refuse: (wanted: boolean) => {
      refusing = wanted;
      if (wanted) cut();
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
