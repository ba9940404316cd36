import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { createMemoryStore } from '../../store/memory.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { waitFor } from '../testing/wait-for.ts';

const GROUP = 'metrics.example.com';
const ROOT = `/apis/${GROUP}/v1beta1`;
const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';

const store = createMemoryStore();
let fixture: Fixture;
let server: Server;
let seen: IncomingMessage[] = [];

/** A small extension server: one kind of its own, watches, a WebSocket, OpenAPI; it believes only the front proxy. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request);
  const json = (value: unknown) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const { pathname, searchParams } = new URL(request.url ?? '', 'https://x');
  if (pathname === ROOT)
    json({
      kind: 'APIResourceList',
      groupVersion: `${GROUP}/v1beta1`,
      resources: [
        {
          name: 'loads',
          singularName: 'load',
          namespaced: true,
          kind: 'Load',
          verbs: ['get', 'list', 'watch'],
        },
        {
          name: 'loads/scale',
          namespaced: true,
          kind: 'Scale',
          group: 'autoscaling',
          version: 'v1',
          verbs: ['get'],
        },
      ],
    });
  else if (pathname === '/openapi/v3')
    json({ paths: { [`apis/${GROUP}/v1beta1`]: { serverRelativeURL: `/openapi/v3${ROOT}?hash=AB` } } });
  else if (pathname === `/openapi/v3${ROOT}`) json({ openapi: '3.0.0', info: { title: 'extension' } });
  else if (searchParams.get('watch') === '1') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"type":"ADDED"}\n');
    request.socket.once('go-on', () => response.end('{"type":"DELETED"}\n'));
  } else json({ kind: 'LoadList', apiVersion: `${GROUP}/v1beta1`, items: [], path: request.url });
}

before(async () => {
  fixture = await startFixture({ store });
  const pair = await fixture.pki.server(['loads.default.svc']);
  server = createServer(
    {
      cert: pair.certificate,
      key: pair.key,
      ca: fixture.frontProxyCa,
      requestCert: true,
      rejectUnauthorized: true,
    },
    serve,
  );
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await point(port);
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await fixture[Symbol.asyncDispose]();
});

/** The service and its endpoints; past validation, which refuses a loopback address. */
async function point(port: number): Promise<void> {
  const made = await fixture.call('POST', '/api/v1/namespaces/default/services', {
    body: { metadata: { name: 'loads' }, spec: { ports: [{ port: 443 }] } },
  });
  assert.equal(made.status, 201, made.text);
  const slice = {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      name: 'loads-1',
      namespace: 'default',
      uid: '1',
      labels: { 'kubernetes.io/service-name': 'loads' },
    },
    addressType: 'IPv4',
    ports: [{ name: '', port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  };
  const key = { resource: 'endpointslices.discovery.k8s.io', namespace: 'default', name: 'loads-1' };
  await store.commit([{ key, bytes: Buffer.from(JSON.stringify(slice)) }], new AbortController().signal);
}

function apiService(group: string, version: string, spec: Record<string, unknown> = {}) {
  return {
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      caBundle: Buffer.from(fixture.pki.caCertificate).toString('base64'),
      service: { name: 'loads', namespace: 'default' },
      ...spec,
    },
  };
}

interface Condition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function availability(name: string, wanted: string): Promise<Condition> {
  let found: Condition | undefined;
  const deadline = Date.now() + 10_000;
  while (found?.reason !== wanted) {
    assert.ok(Date.now() < deadline, `${name}: ${JSON.stringify(found)}`);
    const { status } = (await fixture.call('GET', `${SERVICES}/${name}`)).json<{
      status?: { conditions?: Condition[] };
    }>();
    found = status?.conditions?.[0];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return found;
}

async function connection(user: string, groups: string[]) {
  const { certificate, key } = await fixture.pki.issue({ user, groups });
  return { ca: fixture.pki.caCertificate, cert: certificate, key };
}

test('an extension server becomes a part of the API', { timeout: 20_000 }, async (t) => {
  const made = await fixture.call('POST', SERVICES, { body: apiService(GROUP, 'v1beta1') });
  assert.equal(made.status, 201, made.text);
  const condition = await availability(`v1beta1.${GROUP}`, 'Passed');
  assert.deepEqual([condition.status, condition.message], ['True', 'all checks passed']);

  await t.test('discovery names it, in every form', async () => {
    const { groups } = (await fixture.call('GET', '/apis')).json<{ groups: { name: string }[] }>();
    assert.equal(groups.at(-1)?.name, GROUP);
    const group = await fixture.call('GET', `/apis/${GROUP}`);
    assert.deepEqual(group.json().preferredVersion, { groupVersion: `${GROUP}/v1beta1`, version: 'v1beta1' });
    const resources = await fixture.call('GET', ROOT);
    assert.equal(resources.json<{ resources: unknown[] }>().resources.length, 2);
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const all = await fixture.call('GET', '/apis', { headers: { accept } });
    const { items } = all.json<{ items: { metadata: { name: string }; versions: unknown[] }[] }>();
    assert.deepEqual(items.find(({ metadata }) => metadata.name === GROUP)?.versions, [
      {
        version: 'v1beta1',
        resources: [
          {
            resource: 'loads',
            scope: 'Namespaced',
            verbs: ['get', 'list', 'watch'],
            responseKind: { group: GROUP, version: 'v1beta1', kind: 'Load' },
            singularResource: 'load',
            subresources: [
              {
                subresource: 'scale',
                responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
                verbs: ['get'],
              },
            ],
          },
        ],
        freshness: 'Current',
      },
    ]);
    const index = (await fixture.call('GET', '/openapi/v3')).json<{
      paths: Record<string, { serverRelativeURL: string }>;
    }>();
    const url = index.paths[ROOT.slice(1)]?.serverRelativeURL ?? '';
    assert.equal(
      (await fixture.call('GET', url)).json<{ info: { title: string } }>().info.title,
      'extension',
    );
  });

  await t.test('requests carry who they are from, and no credential', async () => {
    seen = [];
    const { certificate, key } = await fixture.pki.issue({ user: 'Zoë', groups: ['system:masters', 'dev'] });
    const answer = await fixture.call('GET', `${ROOT}/namespaces/default/loads/x/deep/er?limit=1`, {
      as: { certificate, key },
      headers: { 'x-remote-user': 'mallory', 'x-remote-extra-evil': 'x', authorization: 'Bearer x' },
    });
    assert.deepEqual(
      [answer.status, answer.json().path],
      [200, `${ROOT}/namespaces/default/loads/x/deep/er?limit=1`],
    );
    const { headers, socket } = seen[0] ?? assert.fail('nothing came');
    assert.equal(Buffer.from(String(headers['x-remote-user']), 'latin1').toString(), 'Zoë');
    const distinct = seen[0]?.headersDistinct['x-remote-group'];
    assert.deepEqual(distinct, ['system:masters', 'dev', 'system:authenticated']);
    assert.equal(headers['x-remote-extra-evil'], undefined);
    assert.match(
      String(headers['x-remote-extra-authentication.kubernetes.io%2fcredential-id']),
      /^X509SHA256=/,
    );
    assert.equal(headers.authorization, undefined);
    assert.equal((socket as TLSSocket).getPeerCertificate().subject.CN, 'front-proxy-client');
  });

  await t.test('who may not is refused here', async () => {
    const { certificate, key } = await fixture.pki.issue({ user: 'nobody', groups: [] });
    const answer = await fixture.call('GET', `${ROOT}/namespaces/default/loads`, {
      as: { certificate, key },
    });
    assert.equal(answer.status, 403);
    assert.match(answer.text, /cannot list resource \\"loads\\" in API group \\"metrics.example.com\\"/);
  });

  await t.test('a watch streams', async () => {
    seen = [];
    const session = connect(
      `https://127.0.0.1:${fixture.port}`,
      await connection('admin', ['system:masters']),
    );
    const stream = session.request({ ':path': `${ROOT}/loads?watch=1` });
    const [first] = await once(stream, 'data');
    assert.equal(String(first), '{"type":"ADDED"}\n');
    seen[0]?.socket.emit('go-on');
    assert.equal(await text(stream), '{"type":"DELETED"}\n');
    session.close();
  });

  await t.test('a WebSocket is joined through', async () => {
    const path = `${ROOT}/namespaces/default/loads/x/console`;
    const options = await connection('admin', ['system:masters']);
    const socket = new WebSocket(`wss://127.0.0.1:${fixture.port}${path}`, options);
    await once(socket, 'open');
    socket.send('hi');
    const [message] = await once(socket, 'message');
    assert.equal(String(message), 'echo hi');
    socket.close();
    await once(socket, 'close');
  });
});

test('a dead extension server is told at once and hides nothing else', { timeout: 20_000 }, async () => {
  const reasons: ReadonlyArray<[string, Record<string, unknown>, string, RegExp]> = [
    [
      'a.dead.example',
      { service: { name: 'gone', namespace: 'default' } },
      'ServiceNotFound',
      /^service\/gone in "default" is not present$/,
    ],
    [
      'b.dead.example',
      { service: { name: 'loads', namespace: 'default', port: 444 } },
      'ServicePortError',
      /^service\/loads in "default" is not listening on port 444$/,
    ],
    ['c.dead.example', { caBundle: undefined }, 'FailedDiscoveryCheck', /x509/],
    [
      'd.dead.example',
      {},
      'FailedDiscoveryCheck',
      /^failing or missing response from https:.*no APIResourceList$/,
    ],
  ];
  for (const [group, spec] of reasons)
    assert.equal((await fixture.call('POST', SERVICES, { body: apiService(group, 'v1', spec) })).status, 201);
  for (const [group, , reason, message] of reasons) {
    const condition = await availability(`v1.${group}`, reason);
    assert.equal(condition.status, 'False');
    assert.match(condition.message, message);
    const answer = await fixture.call('GET', `/apis/${group}/v1/things`);
    assert.deepEqual([answer.status, answer.json().reason], [503, 'ServiceUnavailable']);
  }
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const all = await fixture.call('GET', '/apis', { headers: { accept } });
  const { items } = all.json<{
    items: { metadata: { name: string }; versions: { freshness: string }[] }[];
  }>();
  assert.equal(
    items.find(({ metadata }) => metadata.name === 'a.dead.example')?.versions[0]?.freshness,
    'Stale',
  );
  assert.equal(items.find(({ metadata }) => metadata.name === 'apps')?.versions[0]?.freshness, 'Current');
  for (const [group] of reasons) await fixture.call('DELETE', `${SERVICES}/v1.${group}`);
  await waitFor(() => [...fixture.live.of('apiservices.apiregistration.k8s.io').values()].length === 1);
  assert.equal((await fixture.call('GET', '/apis/a.dead.example/v1/things')).status, 404);
});

test('an APIService that cannot be is refused', async () => {
  const refused = async (object: object, message: RegExp) => {
    const answer = await fixture.call('POST', SERVICES, { body: object });
    assert.equal(answer.status, 422, answer.text);
    assert.match(answer.text, message);
  };
  await refused({ ...apiService('x.example', 'v1'), metadata: { name: 'other' } }, /metadata.name/);
  await refused(
    apiService('x.example', 'v1', { insecureSkipTLSVerify: true }),
    /may not be true if caBundle is present/,
  );
  await refused(
    apiService('x.example', 'v1', { groupPriorityMinimum: 20_001 }),
    /must be positive and less than 20000/,
  );
  await refused(
    apiService('x.example', 'v1', { service: undefined }),
    /local APIServices may not have a caBundle/,
  );
});
