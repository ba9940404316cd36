import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KeyPair } from '../access/authn/certificates.ts';
import { keyFilesIn } from '../access/authn/key-files.ts';
import { openPki } from '../access/authn/pki.ts';
import { webhookTokens } from '../access/authn/webhook-tokens.ts';
import { webhookAuthorizer } from '../access/authz/webhook.ts';
import { liveOf } from '../access/testing/live-of.ts';
import { createWebhookCaller } from '../access/webhooks/caller.ts';
import { webhookEndpoint } from '../access/webhooks/endpoint.ts';
import { createServiceLookup } from '../access/webhooks/service-lookup.ts';
import { startWebhook, type WebhookServer } from '../access/webhooks/testing/webhook-server.ts';
import { systemClock } from '../lib/clock.ts';
import { type Answer, type CallOptions, type Fixture, startFixture } from './testing/fixture.ts';

const REVIEW = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const clock = systemClock;
const caller = createWebhookCaller(createServiceLookup(liveOf({})));
let tokens: WebhookServer;
let rights: WebhookServer;
let fixture: Fixture;
let proxy: KeyPair;

interface Asked {
  readonly spec: {
    readonly token?: string;
    readonly user?: string;
    readonly resourceAttributes?: { resource: string };
  };
}

before(async () => {
  tokens = await startWebhook(({ body }) => {
    const { token } = (body as unknown as Asked).spec;
    if (token === 'liar') return { status: { authenticated: true, user: { username: 7 } } };
    if (token !== 'zoe') return { status: { authenticated: false, error: 'who?' } };
    return {
      status: {
        authenticated: true,
        user: { username: 'zoe', uid: '9', groups: ['zoo'], extra: { a: ['b'] } },
      },
    };
  });
  rights = await startWebhook(({ body }) => {
    const { user, resourceAttributes } = (body as unknown as Asked).spec;
    if (resourceAttributes?.resource === 'secrets')
      return { status: { allowed: true, denied: true, reason: 'never' } };
    return {
      status: { allowed: user === 'zoe' && resourceAttributes?.resource === 'pods', reason: 'asked' },
    };
  });
  fixture = await startFixture({
    verifiers: [webhookTokens({ caller, endpoint: webhookEndpoint(tokens), clock })],
    webhook: webhookAuthorizer({ caller, endpoint: webhookEndpoint(rights), clock }),
  });
  const proxies = await openPki({ keys: keyFilesIn(join(fixture.directory, 'front-proxy')), clock });
  proxy = await proxies.client('front-proxy-client', { user: 'front-proxy-client', groups: [] });
});
after(async () => {
  caller.close();
  await fixture[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
  await rights[Symbol.asyncDispose]();
});

function whoAmI(options: CallOptions): Promise<Answer> {
  return fixture.call('POST', REVIEW, { body: {}, as: null, ...options });
}

function userOf(answer: Answer) {
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ status: { userInfo: object } }>().status.userInfo;
}
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('a webhook says whose a token is, once for a while; a lie is nobody', async () => {
  const expected = {
    username: 'zoe',
    uid: '9',
    groups: ['zoo', 'system:authenticated'],
    extra: { a: ['b'] },
  };
  assert.deepEqual(userOf(await whoAmI(bearer('zoe'))), expected);
  const before = tokens.requests.length;
  assert.deepEqual(userOf(await whoAmI(bearer('zoe'))), expected);
  assert.equal(tokens.requests.length, before);
  for (const token of ['nobody', 'liar']) assert.equal((await whoAmI(bearer(token))).status, 401, token);
});

test('a webhook allows what RBAC does not, and a denial counts more than an allowance', async () => {
  const get = (resource: string) =>
    fixture.call('GET', `/api/v1/${resource}`, { as: null, ...bearer('zoe') });
  assert.equal((await get('pods')).status, 200);
  assert.equal((await get('nodes')).status, 403);
  const denied = await get('secrets');
  assert.equal(denied.status, 403);
  assert.match(denied.text, /never/);
  const asked = rights.requests.length;
  await get('pods');
  assert.equal(rights.requests.length, asked);
});

test('a bootstrap token is its own, if all of it is right', async () => {
  const good: Record<string, string> = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:worker,system:masters',
    expiration: new Date(Date.now() + 60_000).toISOString(),
  };
  const path = '/api/v1/namespaces/kube-system/secrets';
  const put = (stringData: Record<string, string>, type = 'bootstrap.kubernetes.io/token') =>
    fixture.call('POST', path, { body: { metadata: { name: 'bootstrap-token-abcdef' }, type, stringData } });
  const remove = () => fixture.call('DELETE', `${path}/bootstrap-token-abcdef`);
  await put(good);
  assert.deepEqual(userOf(await whoAmI(bearer('abcdef.0123456789abcdef'))), {
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:worker', 'system:authenticated'],
  });
  for (const token of ['abcdef.0123456789abcdeX', 'abcdef.0123456789abcdee', 'fedcba.0123456789abcdef'])
    assert.equal((await whoAmI(bearer(token))).status, 401, token);
  await remove();
  const bad: Record<string, string>[] = [
    { ...good, expiration: new Date(Date.now() - 1000).toISOString() },
    { ...good, expiration: 'some day' },
    { ...good, 'usage-bootstrap-authentication': 'false' },
    { ...good, 'token-id': 'fedcba' },
  ];
  for (const data of bad) {
    await put(data);
    assert.equal((await whoAmI(bearer('abcdef.0123456789abcdef'))).status, 401, JSON.stringify(data));
    await remove();
  }
  await put(good, 'Opaque');
  assert.equal((await whoAmI(bearer('abcdef.0123456789abcdef'))).status, 401);
});

const REMOTE = { 'x-remote-user': 'jane', 'x-remote-group': 'devs', 'x-remote-extra-scopes': 'a' };

test('a front proxy says for whom it asks; nobody else does', async () => {
  assert.deepEqual(userOf(await whoAmI({ as: proxy, headers: REMOTE })), {
    username: 'jane',
    groups: ['devs', 'system:authenticated'],
    extra: { scopes: ['a'] },
  });
  assert.equal((await whoAmI({ as: proxy })).status, 401);
  const direct = userOf(await whoAmI({ as: fixture.admin, headers: REMOTE })) as { username: string };
  assert.equal(direct.username, 'admin');
  const anonymous = await fixture.call('GET', '/api/v1/nodes', { as: null, headers: REMOTE });
  assert.match(anonymous.text, /system:anonymous/);
});

test('the authority of front proxies makes no users, and that of users no front proxies', async () => {
  const proxies = await openPki({ keys: keyFilesIn(join(fixture.directory, 'front-proxy')), clock });
  const admin = await proxies.issue({ user: 'admin', groups: ['system:masters'] });
  assert.equal((await whoAmI({ as: admin })).status, 401);
  assert.equal((await whoAmI({ as: admin, headers: REMOTE })).status, 401);
  const pretender = await fixture.pki.issue({ user: 'front-proxy-client', groups: [] });
  const found = userOf(await whoAmI({ as: pretender, headers: REMOTE })) as { username: string };
  assert.equal(found.username, 'front-proxy-client');
});

test('headers that are too large, or too many, are refused and the server goes on', async () => {
  const large = { authorization: `Bearer ${'x'.repeat(100_000)}` };
  await whoAmI({ headers: large }).then(
    (answer) => assert.ok(answer.status === 431 || answer.status === 401, String(answer.status)),
    (error: NodeJS.ErrnoException) => assert.match(String(error.code), /ECONNRESET|EPIPE/),
  );
  const many = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [`impersonate-extra-${index}`, 'x']),
  );
  await fixture.call('GET', '/version', { headers: { 'impersonate-user': 'jane', ...many } }).then(
    (answer) => assert.ok(answer.status >= 400, String(answer.status)),
    (error: NodeJS.ErrnoException) => assert.match(String(error.code), /ECONNRESET|EPIPE/),
  );
  assert.equal((await fixture.call('GET', '/version')).status, 200);
});
