import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { liveOf } from '../testing/live-of.ts';
import { createWebhookCaller } from './caller.ts';
import { webhookEndpoint } from './endpoint.ts';
import { createServiceLookup, type ServiceLookup } from './service-lookup.ts';
import { startWebhook, type WebhookAnswer } from './testing/webhook-server.ts';

const nowhere: ServiceLookup = async ({ name }) => {
  throw new AmphoraError('Unavailable', `service ${JSON.stringify(name)} not found`);
};

async function postTo(
  answer: WebhookAnswer,
  options: { timeoutSeconds?: number; signal?: AbortSignal } = {},
) {
  await using server = await startWebhook(answer);
  const caller = createWebhookCaller(nowhere);
  try {
    const endpoint = webhookEndpoint({ url: server.url, caBundle: server.caBundle });
    return await caller.post(
      endpoint,
      { hello: 1 },
      { timeoutSeconds: 5, signal: new AbortController().signal, ...options },
    );
  } finally {
    caller.close();
  }
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(isCode(error, 'Unavailable'), `no fault of a webhook: ${String(error)}`);
  return error.message;
}

test('a call carries the body, the timeout and nothing of the caller', async () => {
  await using server = await startWebhook((call) => ({ got: call.body }));
  const caller = createWebhookCaller(nowhere);
  const endpoint = webhookEndpoint({ url: `${server.url}?a=b`, caBundle: server.caBundle });
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) {
    const answer = await caller.post(endpoint, { i }, { timeoutSeconds: 7, signal });
    assert.deepEqual(answer, { got: { i } });
  }
  caller.close();
  assert.equal(server.requests[0]?.path, '/hook?a=b&timeout=7s');
  assert.equal(server.requests[0]?.headers.authorization, undefined);
  assert.equal(server.connections(), 1, 'the connection is kept');
});

test('what is wrong with an answer is said', async (t) => {
  const cases: ReadonlyArray<[string, WebhookAnswer, RegExp]> = [
    [
      'not found',
      (_, response) => void response.writeHead(404).end(),
      /could not find the requested resource/,
    ],
    ['failed', (_, response) => void response.writeHead(500).end('boom'), /error on the server \("boom"\)/],
    [
      'redirect',
      (_, response) => void response.writeHead(307, { location: 'https://127.0.0.1:1/' }).end(),
      /status 307/,
    ],
    [
      'another type',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('{}'),
      /serializer for text\/html; charset=utf-8 doesn't exist/,
    ],
    ['no JSON', (_, response) => void response.writeHead(200).end('<html>'), /not JSON/],
    ['no object', (_, response) => void response.writeHead(200).end('[1]'), /no JSON object/],
    [
      'deep',
      (_, response) => void response.writeHead(200).end(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
      /nested deeper/,
    ],
    ['cut', (_, response) => void response.destroy(), /EOF/],
    [
      'compressed',
      (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end('xx'),
      /encoded by gzip/,
    ],
    [
      'upgrade',
      (_, response) =>
        void response.socket?.end('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      /EOF/,
    ],
  ];
  for (const [name, answer, expected] of cases)
    await t.test(name, async () => assert.match(await faultOf(postTo(answer)), expected));
});

test('an endless answer is cut off at the limit', async () => {
  let sent = 0;
  const fault = await faultOf(
    postTo((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        if (response.destroyed) return;
        sent += 65536;
        if (response.write(Buffer.alloc(65536, 'a'))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
      return undefined;
    }),
  );
  assert.match(fault, /limit/);
  assert.ok(sent < 16 * LIMITS.webhookAnswerBytes);
});

test('the deadline covers headers and body', async () => {
  const silent = await faultOf(postTo(() => undefined, { timeoutSeconds: 0.05 }));
  assert.match(
    silent,
    /^Post "https:\/\/127\.0\.0\.1:\d+\/hook\?timeout=0\.05s": context deadline exceeded$/,
  );
  const half = await faultOf(
    postTo((_, response) => void response.writeHead(200).write('{"a"'), { timeoutSeconds: 0.05 }),
  );
  assert.match(half, /context deadline exceeded/);
});

test('who gives up hears why', async () => {
  const stop = new AbortController();
  const reason = new Error('gone');
  const work = postTo(
    () => {
      stop.abort(reason);
      return undefined;
    },
    { signal: stop.signal },
  );
  await assert.rejects(work, reason);
});

test('another authority, another name, and nobody there are refused', async () => {
  await using server = await startWebhook(() => ({}), ['other.name']);
  await using stranger = await startWebhook(() => ({}));
  const caller = createWebhookCaller(async () => ({ host: '127.0.0.1', port: server.port }));
  const options = { timeoutSeconds: 5, signal: new AbortController().signal };
  const wrongCa = webhookEndpoint({ url: server.url, caBundle: stranger.caBundle });
  assert.match(await faultOf(caller.post(wrongCa, {}, options)), /certificate signed by unknown authority/);
  const service = { namespace: 'default', name: 'hook' };
  const wrongName = webhookEndpoint({ service, caBundle: server.caBundle });
  assert.match(await faultOf(caller.post(wrongName, {}, options)), /hook\.default\.svc/);
  const nobody = webhookEndpoint({ url: 'https://127.0.0.1:1/x', caBundle: server.caBundle });
  assert.match(
    await faultOf(caller.post(nobody, {}, options)),
    /dial tcp 127\.0\.0\.1:1: connect: connection refused/,
  );
  assert.equal(server.requests.length, 0);
  caller.close();
});

test('a service is called at a ready endpoint, by its own name', async () => {
  await using server = await startWebhook(() => ({ ok: true }), ['hook.default.svc']);
  const live = liveOf({
    services: [object('hook', { spec: { ports: [{ name: 'https', port: 443 }] } })],
    'endpointslices.discovery.k8s.io': [
      object('hook-1', {
        labels: { 'kubernetes.io/service-name': 'hook' },
        ports: [{ name: 'https', port: server.port }],
        endpoints: [
          { addresses: ['192.0.2.1'], conditions: { ready: false } },
          { addresses: ['127.0.0.1'], conditions: { ready: true } },
        ],
      }),
    ],
  });
  const caller = createWebhookCaller(createServiceLookup(live));
  const options = { timeoutSeconds: 5, signal: new AbortController().signal };
  const endpoint = webhookEndpoint({
    service: { namespace: 'default', name: 'hook', path: '/validate' },
    caBundle: server.caBundle,
  });
  assert.deepEqual(await caller.post(endpoint, {}, options), { ok: true });
  assert.equal(server.requests[0]?.path, '/validate?timeout=5s');
  assert.equal(server.requests[0]?.headers.host, 'hook.default.svc:443');
  const missing = webhookEndpoint({ service: { namespace: 'default', name: 'gone' } });
  assert.match(
    await faultOf(caller.post(missing, {}, options)),
    /^Post "https:\/\/gone\.default\.svc:443\/\?timeout=5s": service "gone" not found$/,
  );
  caller.close();
});

test('a configuration names an https server', () => {
  assert.throws(() => webhookEndpoint({ url: 'http://127.0.0.1/' }), /https URL/);
  assert.throws(() => webhookEndpoint({ url: 'file:///etc/passwd' }), /https URL/);
  assert.throws(() => webhookEndpoint({}), /https URL/);
});

function object(name: string, { labels, ...rest }: Record<string, unknown>): ApiObject {
  const metadata = { name, namespace: 'default', ...(labels === undefined ? {} : { labels }) };
  return { apiVersion: 'v1', kind: 'Any', metadata, ...rest } as ApiObject;
}

test('a service without endpoints is called at a ready pod that it selects', async () => {
  await using server = await startWebhook(() => ({ ok: true }), ['hook.default.svc']);
  const ports = [{ port: 443, targetPort: 'https' }];
  const live = liveOf({ services: [object('hook', { spec: { selector: { app: 'hook' }, ports } })] });
  const pod = (name: string, ready: string, labels: Record<string, string>) =>
    object(name, {
      labels,
      spec: { containers: [{ name: 'a', ports: [{ name: 'https', containerPort: server.port }] }] },
      status: {
        podIP: ready === 'True' ? '127.0.0.1' : '192.0.2.1',
        conditions: [{ type: 'Ready', status: ready }],
      },
    });
  let reads = 0;
  const lookup = createServiceLookup(live, async () => {
    reads += 1;
    return [pod('a', 'False', { app: 'hook' }), pod('b', 'True', { app: 'hook' }), pod('c', 'False', {})];
  });
  const caller = createWebhookCaller(lookup);
  const options = { timeoutSeconds: 5, signal: new AbortController().signal };
  const service = { namespace: 'default', name: 'hook' };
  const endpoint = webhookEndpoint({ service, caBundle: server.caBundle });
  for (let i = 0; i < 3; i++) assert.deepEqual(await caller.post(endpoint, {}, options), { ok: true });
  assert.equal(reads, 1);
  caller.close();
});

test('one server gets so many connections and no more; who is beyond waits for a turn', async () => {
  const full = Promise.withResolvers<void>();
  await using server = await startWebhook(async () => {
    if (server.requests.length >= LIMITS.webhookSockets) full.resolve();
    await full.promise;
    return { ok: true };
  });
  const caller = createWebhookCaller(nowhere);
  const endpoint = webhookEndpoint({ url: server.url, caBundle: server.caBundle });
  const options = { timeoutSeconds: 20, signal: new AbortController().signal };
  const calls = Array.from({ length: 2 * LIMITS.webhookSockets }, () => caller.post(endpoint, {}, options));
  const answers = await Promise.all(calls);
  assert.equal(answers.length, 2 * LIMITS.webhookSockets);
  assert.equal(server.mostConnections(), LIMITS.webhookSockets);
  caller.close();
});
