import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryKeys } from '../access/authn/key-files.ts';
import { openPki } from '../access/authn/pki.ts';
import { createInProcessClient } from '../client/in-process-client.ts';
import { systemClock } from '../lib/clock.ts';
import { bench } from '../registry/testing/bench.ts';
import { createPeers } from './peers.ts';

const NODES = { apiVersion: 'v1', resource: 'nodes' };
const OWN = 'https://10.0.0.11:6443';
const signal = AbortSignal.timeout(20_000);

test('a server is found by what it announced, once the node is there; nobody else is believed', async () => {
  const { registry } = bench();
  const authorizer = { authorize: async () => ({ allowed: true, reason: '' }) };
  const user = { name: 'server', uid: '', groups: [], extra: {} };
  const client = createInProcessClient({ registry, authorizer, user });
  const pki = await openPki({ keys: createMemoryKeys(), clock: systemClock });
  const peersOf = (url: string) => createPeers({ pki, url, client: () => client, clock: systemClock });
  const [own, other] = [await peersOf(OWN), await peersOf('https://10.0.0.12:6443')];
  assert.equal(await own.serverOf('box', signal), undefined, 'no such node');
  const announced = other.announce('box', signal);
  await client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'box' } });
  await announced;
  assert.equal(await own.serverOf('box', signal), 'https://10.0.0.12:6443');
  assert.equal(await other.serverOf('box', signal), undefined, 'its own');
  for (const server of ['http://10.0.0.13:80', 'file:///etc/passwd', 'nonsense', '']) {
    const body = { metadata: { annotations: { 'amphora.dev/tunnel-server': server } } };
    await client.patch({ ...NODES, name: 'box' }, { type: 'merge', body });
    assert.equal(await own.serverOf('box', signal), undefined, server);
  }
  const stop = new AbortController();
  const waiting = other.announce('none', stop.signal);
  stop.abort();
  await Promise.allSettled([waiting]); // It ends, by whichever way.
});
