import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { keyFilesIn } from '../../src/access/authn/key-files.ts';
import type {
  ConfigMap,
  Lease,
  Pod,
  Service,
  ServiceAccount,
  TokenReview,
} from '../../src/api/types.generated.ts';
import type { Client } from '../../src/client/client.ts';
import { createHttpClient } from '../../src/client/http-client.ts';
import { createNodeActions } from '../../src/client/http-node-actions.ts';
import type { Connection } from '../../src/client/kubeconfig.ts';
import { createFakeEngine } from '../../src/engines/fake/fake-engine.ts';
import { createFakeImages } from '../../src/images/fake.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { isCode } from '../../src/lib/errors.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { joinPki } from '../../src/main/join-pki.ts';
import { runNode } from '../../src/main/node.ts';
import { type RunningServer, startServer } from '../../src/main/server.ts';
import { createFakeNetwork } from '../../src/network/fake.ts';
import { connectEtcdStore } from '../../src/store/etcd.ts';
import { createFakeVolumes } from '../../src/volumes/fake.ts';
import { type EtcdServers, freePort, NO_ETCD, startEtcd } from './etcd-server.ts';

const TIMES = { leaseMs: 30_000, renewMs: 20_000, retryMs: 100 };
const MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
const SERVICES = { apiVersion: 'v1', resource: 'services', namespace: 'default' };
const signal = AbortSignal.timeout(60_000);

/** Two API servers over one etcd, which asks for client certificates. */
describe('servers that share an etcd', { skip: NO_ETCD ?? false, timeout: 60_000 }, () => {
  let etcd: EtcdServers;
  let folder: string;
  let a: Server;
  let b: Server;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amphora-servers-'));
    etcd = await startEtcd({ tls: true });
    a = await start(etcd, join(folder, 'a'), 'a');
    // As `amphora up --pki` does with a copy of the first server's directory.
    await cp(join(folder, 'a'), join(folder, 'copy'), { recursive: true });
    await joinPki(join(folder, 'b'), join(folder, 'copy'));
    b = await start(etcd, join(folder, 'b'), 'b');
    await until(() =>
      b.client.get({ apiVersion: 'v1', resource: 'namespaces', name: 'default' }).then(() => true),
    );
  });
  after(async () => {
    await Promise.all([a?.stop(), b?.stop()]);
    await etcd?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test('what one wrote the other reads at once; of two who change the same one is told to read again', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [writer, reader] = round % 2 === 0 ? [a, b] : [b, a];
      const made = await writer.client.create<ConfigMap>(MAPS, map(`read-${round}`, 'x'));
      const read = await reader.client.get<ConfigMap>({ ...MAPS, name: `read-${round}` });
      assert.deepEqual(read, made);
    }
    const before = await a.client.get<ConfigMap>({ ...MAPS, name: 'read-0' });
    const change = (server: Server) =>
      server.client.update({ ...MAPS, name: 'read-0' }, { ...before, data: { by: server.name } });
    const results = await Promise.allSettled([change(a), change(b)]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.ok(results.every((one) => one.status === 'fulfilled' || isCode(one.reason, 'Conflict')));
  });

  test('a watch at one tells what the other wrote, in order, with revisions that compare', async () => {
    const { metadata } = await b.client.list<ConfigMap>(MAPS);
    const stop = new AbortController();
    const seen: string[] = [];
    const revisions: number[] = [];
    const watching = (async () => {
      const query = { resourceVersion: metadata.resourceVersion, labelSelector: 'test=watch' };
      for await (const event of b.client.watch<ConfigMap>(MAPS, query, { signal: stop.signal })) {
        if (event.type === 'BOOKMARK') continue;
        seen.push(event.object.metadata?.name ?? '');
        revisions.push(Number(event.object.metadata?.resourceVersion));
        if (seen.length === 50) stop.abort();
      }
    })();
    const names = Array.from({ length: 50 }, (_, index) => `watch-${index}`);
    for (const name of names) await a.client.create(MAPS, map(name, 'watch'));
    await watching;
    assert.deepEqual(seen, names);
    assert.deepEqual(
      revisions,
      [...revisions].sort((x, y) => x - y),
    );
    assert.ok(Number(metadata.resourceVersion) < (revisions[0] ?? 0));
  });

  test('addresses and ports are given out once', async () => {
    const services = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? a : b).client.create<Service>(SERVICES, service(`s${index}`)),
      ),
    );
    assert.equal(new Set(services.map(({ spec }) => spec?.clusterIP)).size, 40);
    const same = await Promise.allSettled(
      [a, b].map(({ client, name }) => client.create(SERVICES, service(`p-${name}`, 31_234))),
    );
    assert.deepEqual(same.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.ok(same.every((one) => one.status === 'fulfilled' || isCode(one.reason, 'Invalid')));
  });

  test('what proves who one is holds at both; a CRD made at one is served at the other', async () => {
    const account = { apiVersion: 'v1', resource: 'serviceaccounts', namespace: 'default', name: 'default' };
    await until(() => a.client.get<ServiceAccount>(account).then(() => true));
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } };
    const issued = await a.client.create<{ status: { token: string } }>(
      { ...account, subresource: 'token' },
      request,
    );
    const review = await b.client.create<TokenReview>(
      { apiVersion: 'authentication.k8s.io/v1', resource: 'tokenreviews' },
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: issued.status.token } },
    );
    assert.equal(review.status?.user?.username, 'system:serviceaccount:default:default');
    assert.equal(a.frontProxyCa, b.frontProxyCa);
    const definitions = { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' };
    await a.client.create(definitions, definition());
    const jars = { apiVersion: 'test.example/v1', resource: 'jars', namespace: 'default' };
    await until(() => b.client.list(jars).then(() => true));
    const jar = { apiVersion: 'test.example/v1', kind: 'Jar', metadata: { name: 'one' }, spec: { size: 3 } };
    await b.client.create(jars, jar);
    assert.deepEqual((await a.client.get<typeof jar>({ ...jars, name: 'one' })).spec, { size: 3 });
  });

  test('a node that dialled one of them is reached through the other', async () => {
    const stop = new AbortController();
    const running = runNode(
      {
        connection: await a.connection('system:node:box', ['system:nodes']),
        nodeName: 'box',
        stateDirectory: join(folder, 'box'),
        volumes: () => createFakeVolumes(),
        engines: [createFakeEngine({ clock: systemClock, classes: ['container'] })],
        network: createFakeNetwork(),
        images: createFakeImages(),
        clock: systemClock,
        log: silentLogger(),
      },
      stop.signal,
    );
    const actions = createNodeActions(await b.connection('admin', ['system:masters']));
    await until(() => actions.listImages('box', signal).then(() => true));
    const refused = actions.listImages('elsewhere', signal);
    await assert.rejects(refused, (error) => isCode(error, 'Unavailable'));
    const pods = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };
    const containers = [{ name: 'c', image: 'web:1', command: ['pause'] }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers } };
    await a.client.create(pods, pod);
    await until(async () => (await b.client.get<Pod>({ ...pods, name: 'web' })).status?.phase === 'Running');
    const path = '/api/v1/namespaces/default/pods/web/log';
    assert.equal(await statusOf(await b.connection('admin', ['system:masters']), path), 200);
    const pulled = await actions.pullImage('box', 'web:2', { signal });
    assert.ok(pulled !== undefined);
    await actions.close();
    stop.abort();
    await running;
  });

  test('controllers run at one of them, and at the other when that one ends', async () => {
    const lease = { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'kube-system' };
    const holder = async () =>
      (await b.client.get<Lease>({ ...lease, name: 'amphora-controllers' })).spec?.holderIdentity;
    assert.equal(await holder(), 'a', 'who came first');
    const before = performance.now();
    await a.stop();
    await until(async () => (await holder()) === 'b');
    assert.ok(performance.now() - before < TIMES.leaseMs / 2, 'it was released');
    const namespaces = { apiVersion: 'v1', resource: 'namespaces' };
    await b.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } });
    const account = { apiVersion: 'v1', resource: 'serviceaccounts', namespace: 'later', name: 'default' };
    await until(() => b.client.get(account).then(() => true));
    a = await start(etcd, join(folder, 'a'), 'a');
  });

  test('while etcd is away requests fail as unavailable; when it is back everything goes on by itself', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const { metadata } = await b.client.list<ConfigMap>(MAPS);
    const watching = (async () => {
      const query = { resourceVersion: metadata.resourceVersion, labelSelector: 'test=away' };
      for await (const event of b.client.watch<ConfigMap>(MAPS, query, { signal: stop.signal }))
        if (event.type !== 'BOOKMARK') seen.push(event.object.metadata?.name ?? '');
    })();
    await a.client.create(MAPS, map('before', 'away'));
    await etcd.kill(0);
    for (const call of [
      () => a.client.get({ ...MAPS, name: 'before' }),
      () => a.client.create(MAPS, map('x', 'y')),
    ])
      await assert.rejects(
        call(),
        (error) => isCode(error, 'Unavailable', 'Timeout') && error.retryAfterSeconds === 1,
      );
    await etcd.start(0);
    await until(() => a.client.create(MAPS, map('after', 'away')).then(() => true));
    await until(async () => seen.length === 2);
    assert.deepEqual(seen, ['before', 'after'], 'the watch went on');
    stop.abort();
    await watching;
  });
});

type Connected = Connection & { readonly ca: string; readonly cert: string; readonly key: string };

interface Server {
  readonly name: string;
  readonly client: Client;
  readonly frontProxyCa: string;
  connection(user: string, groups: readonly string[]): Promise<Connected>;
  stop(): Promise<void>;
}

async function start(etcd: EtcdServers, pkiDirectory: string, name: string): Promise<Server> {
  const store = await connectEtcdStore({ ...etcd.connect, prefix: '/amphora/' });
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const server: RunningServer = await startServer({
    store,
    keys: keyFilesIn(pkiDirectory),
    host: '127.0.0.1',
    port,
    url,
    clock: systemClock,
    log: silentLogger(),
    election: { identity: name, times: TIMES },
  });
  const connection = async (user: string, groups: readonly string[]): Promise<Connected> => {
    const { certificate, key } = await server.api.pki.issue({ user, groups });
    return { server: url, ca: server.api.pki.caCertificate, cert: certificate, key };
  };
  const client = createHttpClient({ ...(await connection('admin', ['system:masters'])), clock: systemClock });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await client.close();
    await server.close();
  };
  return {
    name,
    client,
    connection,
    frontProxyCa: server.api.frontProxyCa,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function statusOf({ server, ca, cert, key }: Connected, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(`${server}${path}`, { ca, cert, key, agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode));
    });
    request.once('error', reject);
  });
}

/** What is not there yet, or not yet reachable, is asked for again. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const held = await holds().catch((error) => {
      if (isCode(error, 'NotFound', 'Unavailable', 'Timeout', 'Forbidden')) return false;
      throw error;
    });
    if (held) return;
    await systemClock.sleep(10, signal);
  }
}

function map(name: string, label: string): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { test: label } }, data: {} };
}

function service(name: string, nodePort?: number): Service {
  const ports = [{ port: 80, ...(nodePort === undefined ? {} : { nodePort }) }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { type: 'NodePort', ports } };
}

function definition() {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'jars.test.example' },
    spec: {
      group: 'test.example',
      scope: 'Namespaced',
      names: { plural: 'jars', singular: 'jar', kind: 'Jar' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}
