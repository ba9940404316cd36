import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { LIMITS } from '../lib/limits.ts';
import { startEchoNode } from './testing/echo-node.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
let fixture: Fixture;
before(async () => {
  fixture = await startFixture({ requestHeaderMs: 2000 });
});
after(() => fixture[Symbol.asyncDispose]());

function configMap(name: string, data: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

interface StatusBody {
  reason: string;
  message: string;
  code: number;
  details?: { causes?: unknown[] };
}

test('create, get, list, patch and delete answer as upstream does', async () => {
  const made = await fixture.call('POST', MAPS, { body: configMap('one', { a: '1' }) });
  assert.equal(made.status, 201);
  const again = await fixture.call('POST', MAPS, { body: configMap('one') });
  assert.deepEqual([again.status, again.json<StatusBody>().reason], [409, 'AlreadyExists']);
  const list = (await fixture.call('GET', MAPS)).json<{ kind: string; items: unknown[] }>();
  assert.equal(list.kind, 'ConfigMapList');
  assert.ok(list.items.length >= 1);
  const patched = await fixture.call('PATCH', `${MAPS}/one`, {
    body: { data: { a: '2' } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.deepEqual(patched.json<{ data: unknown }>().data, { a: '2' });
  const deleted = await fixture.call('DELETE', `${MAPS}/one`);
  assert.deepEqual([deleted.status, deleted.json<{ status: string }>().status], [200, 'Success']);
  const gone = await fixture.call('GET', `${MAPS}/one`);
  assert.equal(gone.json<StatusBody>().message, 'configmaps "one" not found');
});

test('tables, partial metadata, YAML, and a refusal of what cannot be written', async () => {
  await fixture.call('POST', MAPS, { body: configMap('shape') });
  const get = (accept: string) => fixture.call('GET', `${MAPS}/shape`, { headers: { accept } });
  const table = await get('application/json;as=Table;v=v1;g=meta.k8s.io,application/json');
  assert.equal(table.json().kind, 'Table');
  const partial = await get('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io');
  assert.equal(partial.json().kind, 'PartialObjectMetadata');
  assert.match((await get('application/yaml')).text, /^apiVersion: v1$/m);
  const refused = await get('text/html');
  assert.deepEqual([refused.status, refused.json<StatusBody>().reason], [406, 'NotAcceptable']);
});

test('an OpenAPI document is cached by its hash, and compressed', async () => {
  const index = (await fixture.call('GET', '/openapi/v3')).json<{
    paths: Record<string, { serverRelativeURL: string }>;
  }>();
  const path = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
  const first = await fixture.call('GET', path);
  assert.match(String(first.headers['cache-control']), /immutable/);
  const etag = String(first.headers.etag);
  const second = await fixture.call('GET', path, { headers: { 'if-none-match': etag } });
  assert.deepEqual([second.status, second.text], [304, '']);
  const packed = await fixture.call('GET', path, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
});

test('a watch tells what happens, and ends after timeoutSeconds', async () => {
  const answer = fixture.call('GET', `${MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dseen`);
  await fixture.call('POST', MAPS, { body: configMap('seen') });
  const events = (await answer).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata.name]),
    [['ADDED', 'seen']],
  );
});

const REFUSED: ReadonlyArray<[string, string, number, RegExp]> = [
  ['GET', '/nowhere', 404, /could not find the requested resource/],
  ['GET', '/api/v1/namespaces/default/widgets', 404, /could not find the requested resource/],
  ['GET', '/api/v1/namespaces/..%2f..%2fetc/configmaps', 400, /invalid name/],
  ['GET', '/api/v1/namespaces/default/configmaps/%2e%2e', 400, /invalid name/],
  ['GET', '/api/v1/namespaces/default/configmaps/a%00b', 400, /invalid name/],
  ['GET', '/api/v1/namespaces/default/configmaps/%zz', 400, /not valid/],
  ['PUT', MAPS, 405, /does not allow this method/],
  ['GET', `${MAPS}?limit=many`, 400, /limit/],
  ['POST', `${MAPS}?dryRun=Some`, 422, /dryRun/],
  ['GET', '/apis/amphora.dev/v1/nodes/box/tunnel', 403, /only node "box"/],
];
for (const [method, path, status, message] of REFUSED) {
  test(`${method} ${path} is answered with ${status}`, async () => {
    const body = method === 'POST' ? { body: configMap('x') } : {};
    const answer = await fixture.call(method, path, body);
    assert.equal(answer.status, status);
    assert.match(answer.json<StatusBody>().message, message);
  });
}

const BAD_BODIES: ReadonlyArray<[string, string | Buffer, string, number]> = [
  ['cut-off JSON', '{"kind":', 'application/json', 400],
  ['deep JSON', '['.repeat(100_000), 'application/json', 400],
  ['deep YAML', '['.repeat(100_000), 'application/yaml', 400],
  ['two YAML documents', 'a: 1\n---\nb: 2\n', 'application/yaml', 400],
  ['a YAML alias bomb', aliasBomb(), 'application/yaml', 400],
  ['a list', '[]', 'application/json', 400],
  ['another kind', '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}', 'application/json', 400],
  ['a wrong type', 'x', 'text/csv', 415],
  ['protobuf that is none', 'k8s\0garbage', 'application/vnd.kubernetes.protobuf', 400],
  ['too much', Buffer.alloc(LIMITS.requestBodyBytes + 1, 0x20), 'application/json', 413],
];
for (const [what, body, type, status] of BAD_BODIES) {
  test(`a body that is ${what} is refused with ${status}`, async () => {
    const answer = await fixture.call('POST', MAPS, { body, headers: { 'content-type': type } });
    assert.equal(answer.status, status, answer.text);
    assert.equal((await fixture.call('GET', '/healthz')).text, 'ok');
  });
}

function aliasBomb(): string {
  const levels = 'abcdefghi'.split('');
  const lines = levels.map((name, index) => {
    const value = index === 0 ? '["x"]' : `[${`*${levels[index - 1]},`.repeat(9)}]`;
    return `${name}: &${name} ${value}`;
  });
  return `${lines.join('\n')}\n`;
}

test('a key that stands twice is an error when strict, and a warning else', async () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';
  const strict = await fixture.call('POST', `${MAPS}?fieldValidation=Strict`, { body });
  assert.match(strict.json<StatusBody>().message, /duplicate field "data.a"/);
  const warned = await fixture.call('POST', `${MAPS}?fieldValidation=Warn`, { body });
  assert.equal(warned.status, 201);
  assert.match(String(warned.headers.warning), /299 - "duplicate field \\"data.a\\""/);
});

test('__proto__ in a body changes nothing', async () => {
  const body =
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto","__proto__":{"polluted":"1"}}}';
  await fixture.call('POST', MAPS, { body });
  assert.equal(({} as { polluted?: string }).polluted, undefined);
});

test('anonymous callers see health and version only; bad credentials are refused', async () => {
  assert.equal((await fixture.call('GET', '/healthz', { as: null })).text, 'ok');
  assert.equal((await fixture.call('GET', '/version', { as: null })).json().minor, '36');
  const denied = await fixture.call('GET', MAPS, { as: null });
  assert.equal(
    denied.json<StatusBody>().message,
    'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"',
  );
  const headers = { authorization: 'Bearer nonsense' };
  assert.equal((await fixture.call('GET', '/healthz', { as: null, headers })).status, 401);
});

test('a node cannot open the tunnel of another', async () => {
  const mallory = await fixture.pki.issue({ user: 'system:node:mallory', groups: ['system:nodes'] });
  const answer = await fixture.call('GET', '/apis/amphora.dev/v1/nodes/box/tunnel', {
    as: mallory,
    headers: { connection: 'Upgrade', upgrade: 'amphora-tunnel/1' },
  });
  assert.equal(answer.status, 403);
  assert.deepEqual(fixture.nodes.connected(), []);
  await using _ = await startEchoNode(fixture, 'box');
  assert.deepEqual(fixture.nodes.connected(), ['box']);
});

test('HTTP/2 serves the same, many requests on one connection', async () => {
  const session = connectHttp2(`https://127.0.0.1:${fixture.port}`, {
    ca: fixture.pki.caCertificate,
    cert: fixture.admin.certificate,
    key: fixture.admin.key,
  });
  const get = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const stream = session.request({ ':path': MAPS });
      stream.on('response', (headers) => resolve(headers[':status']));
      stream.on('error', reject);
      stream.resume();
    });
  const statuses = await Promise.all(Array.from({ length: 50 }, get));
  assert.deepEqual(new Set(statuses), new Set([200]));
  await new Promise<void>((resolve) => session.close(resolve));
});

test('a flood of headers is cut off', async () => {
  const socket = await raw();
  socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\n${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(200)}\r\n`);
  // The answer is sent before all headers are read, so the reset may overtake it.
  const answer = await readAll(socket).catch((error: NodeJS.ErrnoException) => error.code);
  assert.match(String(answer), /^HTTP\/1.1 431 |^ECONNRESET$/);
  assert.equal((await fixture.call('GET', '/healthz')).text, 'ok');
});

test('a refusal does not wait for the rest of the body', async () => {
  const socket = await raw();
  socket.write('POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{');
  const answer = await readAll(socket);
  assert.match(answer, /^HTTP\/1.1 403 /);
  assert.match(answer, /connection: close/i);
});

test('a client that never ends its headers is cut off', { timeout: 10_000 }, async () => {
  const socket = await raw();
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const answer = await readAll(socket).catch((error: NodeJS.ErrnoException) => error.code);
  assert.match(String(answer), /^HTTP\/1.1 408 |^ECONNRESET$/);
});

function raw(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { port, pki } = fixture;
    const socket = connect({ host: '127.0.0.1', port, ca: pki.caCertificate }, () => resolve(socket));
    socket.on('error', reject);
  });
}

async function readAll(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

test('OpenAPI 2.0 is served as JSON and as the protobuf that kubectl asks for, custom kinds included', async () => {
  const first = await fixture.call('GET', '/openapi/v2');
  assert.equal(first.json<{ swagger: string }>().swagger, '2.0');
  const tag = String(first.headers.etag);
  const again = await fixture.call('GET', '/openapi/v2', { headers: { 'if-none-match': tag } });
  assert.deepEqual([again.status, again.text], [304, '']);
  const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
  const packed = await fixture.call('GET', '/openapi/v2', { headers: { accept } });
  assert.equal(packed.headers['content-type'], 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
  assert.equal(packed.bytes.toString('latin1', 0, 5), '\n\u00032.0');
});

test('aggregated discovery has a tag, too', async () => {
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const first = await fixture.call('GET', '/apis', { headers: { accept } });
  const headers = { accept, 'if-none-match': String(first.headers.etag) };
  assert.equal((await fixture.call('GET', '/apis', { headers })).status, 304);
});

test('as many large answers as a connection has streams come whole', { timeout: 60_000 }, async () => {
  await fixture.call('POST', MAPS, { body: configMap('large', { a: 'x'.repeat(900_000) }) });
  const { certificate, key } = fixture.admin;
  const session = connectHttp2(`https://127.0.0.1:${fixture.port}`, {
    ca: fixture.pki.caCertificate,
    cert: certificate,
    key,
  });
  const get = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': `${MAPS}/large` });
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      stream.on('error', reject);
      stream.on('end', () => resolve(size));
    });
  const sizes = await Promise.all(Array.from({ length: LIMITS.httpStreamsPerConnection }, get));
  assert.ok(sizes.every((size) => size > 900_000 && size === sizes[0]));
  session.close();
});

test('people get indented JSON, programs do not', async () => {
  await fixture.call('POST', MAPS, { body: configMap('pretty') });
  const get = async (query: string, agent: string) => {
    const answer = await fixture.call('GET', `${MAPS}/pretty${query}`, { headers: { 'user-agent': agent } });
    return answer.text.startsWith('{\n  "');
  };
  assert.equal(await get('', 'kubectl/v1.35.2'), false);
  assert.equal(await get('?pretty=true', 'kubectl/v1.35.2'), true);
  assert.equal(await get('', 'curl/8.0'), true);
  assert.equal(await get('', 'Mozilla/5.0 (X11)'), true);
  assert.equal(await get('?pretty=false', 'curl/8.0'), false);
});

test('methods: HEAD is GET without a body, OPTIONS is not allowed', async () => {
  const head = await fixture.call('HEAD', `${MAPS}/pretty`);
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.ok(Number(head.headers['content-length']) > 100);
  const options = await fixture.call('OPTIONS', MAPS);
  assert.deepEqual([options.status, options.json<StatusBody>().reason], [405, 'MethodNotAllowed']);
});

test('media types that are not taken are named in upstream’s words', async () => {
  const refused = await fixture.call('GET', MAPS, { headers: { accept: 'text/html' } });
  assert.equal(
    refused.json<StatusBody>().message,
    'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
  const sent = await fixture.call('POST', MAPS, { body: 'x', headers: { 'content-type': 'text/plain' } });
  assert.equal(sent.status, 415);
  assert.equal(
    sent.json<StatusBody>().message,
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
});
