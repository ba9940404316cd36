import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWebhook } from '../access/webhooks/testing/webhook-server.ts';
import {
  createMap,
  type Json,
  patchOf,
  RULE,
  register,
  respond,
  reviewOf,
  start,
} from './testing/webhooks.ts';

const SECRETS = '/api/v1/namespaces/default/secrets';

test('a webhook that hangs holds up only what waits for it, and no longer than its timeout', async () => {
  await using api = await start();
  await using server = await startWebhook(() => undefined);
  await register(api, 'Validating', [{ server, timeoutSeconds: 1 }]);
  const began = performance.now();
  const waiting = Array.from({ length: 60 }, (_, i) => createMap(api, `m-${i}`));
  const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });
  const others = await Promise.all(
    Array.from({ length: 20 }, (_, i) => api.call('POST', SECRETS, { body: secret(`s-${i}`) })),
  );
  assert.ok(others.every(({ status }) => status === 201));
  const settled = await Promise.all(waiting);
  assert.ok(settled.every(({ status, message = '' }) => status === 500 && /deadline exceeded/.test(message)));
  assert.ok(performance.now() - began < 20_000);
  const { items } = (await api.call('GET', '/api/v1/namespaces/default/configmaps')).json<{
    items: Json[];
  }>();
  assert.deepEqual(items, []);
});

test('an object is as it was after each of many hostile answers to its update', async () => {
  await using api = await start();
  const answers: ((uid: string) => unknown)[] = [
    () => null,
    () => [],
    () => ({ response: 'yes' }),
    (uid) => review({ uid: [uid], allowed: true }),
    (uid) => review({ uid, allowed: 'true' }),
    (uid) => review({ uid, allowed: true, patch: 7, patchType: 'JSONPatch' }),
    (uid) => review({ uid, allowed: true, patch: 'x', patchType: 'MergePatch' }),
    (uid) => review({ uid, allowed: true, ...patchOf() }, 'v2'),
    (uid) => review({ uid, allowed: true, patchType: 'JSONPatch', patch: base64('{}') }),
    (uid) => review({ uid, allowed: true, patchType: 'JSONPatch', patch: base64('[1]') }),
    (uid) => review({ uid, allowed: true, ...patchOf({ op: 'replace', path: '', value: { a: 1 } }) }),
    (uid) => review({ uid, allowed: true, ...patchOf({ op: 'add', path: '/metadata/uid', value: 'mine' }) }),
    (uid) => review({ uid, allowed: true, ...patchOf({ op: 'add', path: '/metadata/name', value: 'b' }) }),
    (uid) => review({ uid, allowed: true, ...patchOf({ op: 'add', path: '/data/x', value: { y: 1 } }) }),
    (uid) =>
      review({
        uid,
        allowed: true,
        ...patchOf({ op: 'add', path: '/metadata/labels', value: { '!': 'x' } }),
      }),
    (uid) => review({ uid, allowed: true, ...patchOf({ op: 'move', from: '/data', path: '/data/a' }) }),
    (uid) =>
      review({ uid, allowed: false, status: { code: 700, message: 'x'.repeat(100_000), details: 'none' } }),
    (uid) =>
      review({ uid, allowed: false, status: { code: Number.NaN, reason: 7, details: { causes: [1, {}] } } }),
  ];
  let next: (uid: string) => unknown = () => undefined;
  await using server = await startWebhook((call, response) => {
    const body = JSON.stringify(next(reviewOf(call).uid));
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    return undefined;
  });
  const made = await createMap(api, 'a', { data: { x: 'before' } });
  assert.equal(made.status, 201);
  await register(api, 'Mutating', [{ server, rules: [{ ...RULE, operations: ['UPDATE'] }] }]);
  const path = '/api/v1/namespaces/default/configmaps/a';
  const headers = { 'content-type': 'application/merge-patch+json' };
  const before = (await api.call('GET', path)).text;
  for (const [index, answer] of answers.entries()) {
    next = answer;
    const patched = await api.call('PATCH', path, { body: '{"data":{"x":"after"}}', headers });
    assert.ok(patched.status >= 400 && patched.status < 600, `answer ${index} was taken: ${patched.text}`);
    assert.ok(patched.text.length < 20_000, `answer ${index} is passed on at length`);
    assert.equal((await api.call('GET', path)).text, before, `answer ${index} changed the object`);
  }
  next = (uid) => review({ uid, allowed: true });
  assert.equal((await api.call('PATCH', path, { body: '{"data":{"x":"after"}}', headers })).status, 200);
});

function review(response: Json, version = 'v1'): object {
  return { kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, response };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

test('what a webhook asks to be remembered is bounded', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(call, {
      warnings: ['w'.repeat(1_000_000), 7, 'fine'],
      auditAnnotations: Object.fromEntries(
        Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 'v'.repeat(100)]),
      ),
    }),
  );
  await register(api, 'Validating', [{ server }]);
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  const { status, headers } = await api.call('POST', '/api/v1/namespaces/default/configmaps', { body });
  assert.equal(status, 201);
  assert.ok(String(headers.warning).length < 8192);
});
