import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { contextOf, kindOf } from '../../registry/testing/bench.ts';
import { startEchoNode } from '../testing/echo-node.ts';
import { createPod, type Fixture, startFixture } from '../testing/fixture.ts';
import { rewritten } from './all.ts';
import { isProxyable } from './node-connection.ts';
import { parseTargetName } from './target-name.ts';

const PROXY = '/api/v1/namespaces/default/pods/web:8080/proxy';
let fixture: Fixture;
let node: AsyncDisposable;
let app: Server;
let secure: Server;
let seen: IncomingMessage[] = [];

before(async () => {
  fixture = await startFixture();
  app = createServer((request, response) => {
    seen.push(request);
    if (request.url === '/moved') response.writeHead(302, { location: '/there?x=1' }).end();
    else if (request.url === '/page') {
      const page = gzipSync('<a href="/rewriteme">test</a>');
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(page);
    } else if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/plain', 'access-control-allow-origin': '*' });
      response.write('first');
      request.socket.once('app-goes-on', () => response.end('second'));
    } else
      void buffer(request).then((body) => {
        response.writeHead(200, { 'x-app': 'yes' });
        response.end(JSON.stringify({ url: request.url, method: request.method, size: body.length }));
      });
  });
  const sockets = new WebSocketServer({ server: app });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${data}`)));
  const pair = await fixture.pki.server();
  secure = createSecureServer({ cert: pair.certificate, key: pair.key }, (request, response) =>
    response.end(`secure ${request.url}`),
  );
  await Promise.all([
    once(app.listen(0, '127.0.0.1'), 'listening'),
    once(secure.listen(0, '127.0.0.1'), 'listening'),
  ]);
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  node = await startEchoNode(fixture, 'box', (port) =>
    connect(portOf(port === 8443 ? secure : app), '127.0.0.1'),
  );
  await createPod(fixture.registry, 'web', 'box');
  const target = { kind: kindOf('', 'v1', 'pods'), namespace: 'default', name: 'web' };
  const pod = structuredClone((await fixture.registry.get(contextOf(), target, {})).object());
  const status = { podIP: '10.1.2.3', podIPs: [{ ip: '10.1.2.3' }] };
  await fixture.registry.update(contextOf(), { ...target, subresource: 'status' }, { ...pod, status });
});
after(async () => {
  await node[Symbol.asyncDispose]();
  app.closeAllConnections();
  app.close();
  secure.close();
  await fixture[Symbol.asyncDispose]();
});

test('a request goes to the port of the pod as it came, without who sent it', async () => {
  seen = [];
  const answer = await fixture.call('PUT', `${PROXY}/a%2Fb/c?d=e&f`, {
    body: 'x'.repeat(5_000_000),
    headers: {
      authorization: 'Bearer secret',
      'x-remote-user': 'mallory',
      'x-remote-extra-a': 'b',
      'x-custom': 'kept',
      connection: 'close, x-hop',
      'x-hop': 'gone',
    },
    // A certificate is who calls; with a token beside it the certificate wins.
  });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json(), { url: '/a%2Fb/c?d=e&f', method: 'PUT', size: 5_000_000 });
  assert.equal(answer.headers['x-app'], 'yes');
  assert.ok(answer.headers['audit-id']);
  const headers = seen[0]?.headers ?? {};
  assert.equal(headers.host, '10.1.2.3:8080');
  assert.equal(headers['x-custom'], 'kept');
  assert.equal(headers['x-forwarded-uri'], `${PROXY}/a%2Fb/c`);
  assert.equal(headers['x-forwarded-proto'], 'https');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  for (const name of ['authorization', 'x-remote-user', 'x-remote-extra-a', 'x-hop'])
    assert.equal(headers[name], undefined, name);
});

test('HTTP/2 clients are served, with a body that does not say its length', async () => {
  const { port, pki, admin } = fixture;
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    ca: pki.caCertificate,
    cert: admin.certificate,
    key: admin.key,
  });
  const stream = session.request({ ':method': 'DELETE', ':path': `${PROXY}/x` }, { endStream: false });
  stream.write('abc');
  stream.end('def');
  assert.deepEqual(JSON.parse(await text(stream)), { url: '/x', method: 'DELETE', size: 6 });
  session.close();
});

test('an answer is sent on while it is still being written', { timeout: 10_000 }, async () => {
  const { port, pki, admin } = fixture;
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    ca: pki.caCertificate,
    cert: admin.certificate,
    key: admin.key,
  });
  seen = [];
  const stream = session.request({ ':path': `${PROXY}/stream` });
  const [headers] = await once(stream, 'response');
  assert.equal(headers['access-control-allow-origin'], undefined);
  const [first] = await once(stream, 'data');
  assert.equal(String(first), 'first');
  seen[0]?.socket.emit('app-goes-on');
  assert.equal(await text(stream), 'second');
  session.close();
});

test('a WebSocket is joined through', { timeout: 10_000 }, async () => {
  const { port, pki, admin } = fixture;
  const socket = new WebSocket(`wss://127.0.0.1:${port}${PROXY}/socket`, {
    ca: pki.caCertificate,
    cert: admin.certificate,
    key: admin.key,
  });
  await once(socket, 'open');
  socket.send('hi');
  const [message] = await once(socket, 'message');
  assert.equal(String(message), 'echo hi');
  socket.close();
  await once(socket, 'close');
});

test('redirects stay under the proxy, and an empty path gets its slash', async () => {
  const moved = await fixture.call('GET', `${PROXY}/moved`);
  assert.deepEqual([moved.status, moved.headers.location], [302, `${PROXY}/there?x=1`]);
  const root = await fixture.call('GET', `${PROXY}?a=b`);
  assert.deepEqual([root.status, root.headers.location], [301, `${PROXY}/?a=b`]);
  const at = { prefix: '/p', host: '10.0.0.1:80' };
  assert.equal(rewritten('http://10.0.0.1:80/x', at), '/p/x');
  assert.equal(rewritten('http://10.0.0.1:80', at), '/p/');
  assert.equal(rewritten('https://elsewhere/x', at), 'https://elsewhere/x');
  assert.equal(rewritten('//elsewhere/x', at), '//elsewhere/x');
  assert.equal(rewritten('x/y', at), 'x/y');
  assert.equal(rewritten('/p/x', at), '/p/x');
});

test('links of a page lead through the proxy, too', async () => {
  const answer = await fixture.call('GET', `${PROXY}/page`);
  assert.equal(gunzipSync(answer.bytes).toString(), `<a href="${PROXY}/rewriteme">test</a>`);
});

test('https: in the name speaks TLS to the pod', async () => {
  const answer = await fixture.call('GET', '/api/v1/namespaces/default/pods/https:web:8443/proxy/x');
  assert.deepEqual([answer.status, answer.text], [200, 'secure /x']);
});

test('what cannot be reached says so', async () => {
  const refused = await fixture.call('GET', '/api/v1/namespaces/default/pods/web:1/proxy/');
  assert.equal(refused.status, 503);
  assert.match(refused.json<{ message: string }>().message, /^error trying to reach service: /);
  await createPod(fixture.registry, 'lost', 'elsewhere');
  const lost = await fixture.call('GET', '/api/v1/namespaces/default/pods/lost:80/proxy/');
  assert.equal(lost.status, 503);
  assert.equal((await fixture.call('GET', '/api/v1/namespaces/default/pods/none:80/proxy/')).status, 404);
  assert.equal((await fixture.call('GET', '/api/v1/namespaces/default/pods/ftp:web:80/proxy/')).status, 400);
  assert.equal((await fixture.call('GET', `${PROXY}/../status`)).status, 400);
  assert.equal((await fixture.call('GET', '/api/v1/namespaces/default/pods/web/status/more')).status, 404);
});

test('a service leads to a pod that its endpoints name truly', async () => {
  const services = '/api/v1/namespaces/default/services';
  const made = await fixture.call('POST', services, {
    body: {
      metadata: { name: 'front' },
      spec: { ports: [{ name: 'web', port: 80, targetPort: 8080 }] },
    },
  });
  assert.equal(made.status, 201, made.text);
  const none = await fixture.call('GET', `${services}/front:web/proxy/x`);
  assert.deepEqual(
    [none.status, none.json().message],
    [503, 'no endpoints available for service "front:web"'],
  );
  const slice = (name: string, address: string, pod: string) => ({
    metadata: { name, labels: { 'kubernetes.io/service-name': 'front' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], targetRef: { kind: 'Pod', name: pod, namespace: 'default' } }],
  });
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  await fixture.call('POST', slices, { body: slice('false', '10.9.9.9', 'web') });
  assert.equal((await fixture.call('GET', `${services}/front/proxy/x`)).status, 503);
  await fixture.call('POST', slices, { body: slice('true', '10.1.2.3', 'web') });
  for (const name of ['front', 'front:web', 'front:80', 'http:front:web']) {
    const answer = await fixture.call('GET', `${services}/${name}/proxy/x`);
    assert.deepEqual([answer.status, answer.json().url], [200, '/x'], name);
  }
  assert.equal((await fixture.call('GET', `${services}/front:other/proxy/x`)).status, 503);
});

test('a node is not made to call the server itself', async () => {
  const nodes = '/api/v1/nodes';
  await fixture.call('POST', nodes, { body: { metadata: { name: 'box' } } });
  await fixture.call('PATCH', `${nodes}/box/status`, {
    body: { status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  const answer = await fixture.call('GET', `${nodes}/box:80/proxy/`);
  assert.deepEqual([answer.status, answer.json().message], [400, 'address not allowed']);
  for (const address of [
    '127.8.0.1',
    '169.254.169.254',
    '::1',
    'fe80::1',
    '0.0.0.0',
    '',
    'host',
    '::ffff:127.0.0.1',
  ])
    assert.equal(isProxyable(address), false, address);
  for (const address of ['10.0.0.1', '192.168.1.1', 'fd00::1']) assert.equal(isProxyable(address), true);
});

test('what a kubelet would be asked is asked through the tunnel', async () => {
  const get = (path: string, name = 'box') => fixture.call('GET', `/api/v1/nodes/${name}/proxy${path}`);
  assert.deepEqual([(await get('/healthz')).status, (await get('/healthz', 'box:10250')).text], [200, 'ok']);
  const listed = (await get('/pods')).json<{ kind: string; items: { metadata: { name: string } }[] }>();
  assert.deepEqual([listed.kind, listed.items.map(({ metadata }) => metadata.name)], ['PodList', ['web']]);
  assert.deepEqual((await get('/stats/summary')).json(), {
    node: { nodeName: 'box' },
    pods: [
      {
        podRef: { name: 'web', namespace: 'default', uid: '1' },
        cpu: { time: '1970-01-01T00:00:00Z', usageCoreNanoSeconds: 2e9 },
        memory: { time: '1970-01-01T00:00:00Z', usageBytes: 20, workingSetBytes: 10 },
      },
    ],
  });
  const metrics = await get('/metrics/resource');
  assert.match(metrics.text, /^pod_cpu_usage_seconds_total\{namespace="default",pod="web"\} 2$/m);
  assert.equal((await get('/etc/passwd')).status, 404);
  assert.equal((await get('/healthz', 'none')).status, 404);
});

test('names of targets', () => {
  assert.deepEqual(parseTargetName('https:a:443', 'pod'), { scheme: 'https', name: 'a', port: '443' });
  assert.deepEqual(parseTargetName('a:443', 'pod'), { scheme: 'http', name: 'a', port: '443' });
  assert.deepEqual(parseTargetName('https:a:', 'pod'), { scheme: 'https', name: 'a', port: '' });
  for (const text of [':80', 'x:a:80', 'a:b:c:d', ''])
    assert.throws(() => parseTargetName(text, 'pod'), text);
});
