import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { createAuthenticator } from './authenticator.ts';
import type { FindObject } from './service-account-claims.ts';
import { createServiceAccountTokens } from './service-account-tokens.ts';
import { signingKeys } from './signing-keys.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const signal = new AbortController().signal;

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const UIDS: Readonly<Record<string, string>> = { 'web-0': 'u2', web: 'u1', box: 'u3', old: 'u4' };

/** @param changed what objects are instead of there and whole, by kind and name; undefined for gone */
async function setUp(
  changed: Readonly<Record<string, object | undefined>> = {},
  keys = signingKeys(newKey()),
) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const clock = { now: () => time.now, sleep: () => Promise.resolve() };
  const find: FindObject = async ({ kind, name }) => {
    const at = `${kind}/${name}`;
    const object = { apiVersion: 'v1', kind, metadata: { name, uid: UIDS[name] ?? '' } };
    return Object.hasOwn(changed, at) ? (changed[at] as typeof object | undefined) : object;
  };
  const tokens = createServiceAccountTokens({ keys, issuer: ISSUER, clock, find });
  const authenticator = createAuthenticator({ tokens: tokens.verify });
  const authenticate = (token: string) =>
    authenticator.authenticate({ authorization: `Bearer ${token}` }, signal);
  return { time, tokens, authenticator, authenticate };
}

const request = {
  namespace: 'shop',
  serviceAccount: { name: 'web', uid: 'u1' },
  audiences: [],
  expirationSeconds: 3600,
  bound: { kind: 'Pod', name: 'web-0', uid: 'u2' },
  node: { name: 'box', uid: 'u3' },
} as const;

test('a service account token is its user, with what it is bound to', async () => {
  const { tokens, authenticator } = await setUp();
  const { token } = await tokens.issue(request);
  const user = await authenticator.authenticate({ authorization: `Bearer ${token}` }, signal);
  assert.equal(user.name, 'system:serviceaccount:shop:web');
  assert.equal(user.uid, 'u1');
  assert.deepEqual(user.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:shop',
    'system:authenticated',
  ]);
  assert.deepEqual(user.extra['authentication.kubernetes.io/pod-name'], ['web-0']);
  assert.deepEqual(user.extra['authentication.kubernetes.io/node-name'], ['box']);
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  assert.deepEqual(claims['kubernetes.io'].pod, { name: 'web-0', uid: 'u2' });
  assert.deepEqual(claims.aud, [ISSUER]);
});

const BAD: ReadonlyArray<[string, (token: string) => string]> = [
  ['another scheme', (token) => `Basic ${token}`],
  ['no token', () => 'Bearer'],
  ['not a JWT', () => 'Bearer abc'],
  ['a changed payload', (token) => `Bearer ${token.replace(/\.(..)/, '.AA')}`],
  ['a cut signature', (token) => `Bearer ${token.slice(0, -4)}`],
];
for (const [what, change] of BAD) {
  test(`refuses ${what}`, async () => {
    const { tokens, authenticator } = await setUp();
    const { token } = await tokens.issue(request);
    await assert.rejects(authenticator.authenticate({ authorization: change(token) }, signal), {
      code: 'Unauthorized',
    });
  });
}

test('refuses tokens that are expired, for another audience, unsigned or of another key', async () => {
  const { time, tokens, authenticate } = await setUp();
  const vault = await tokens.issue({ ...request, audiences: ['vault'] });
  await assert.rejects(authenticate(vault.token), { code: 'Unauthorized' });
  const reviewed = await tokens.verify(vault.token, { signal, audiences: ['vault', 'other'] });
  assert.deepEqual([reviewed?.user.uid, reviewed?.audiences], ['u1', ['vault']]);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${vault.token.split('.')[1]}.`;
  await assert.rejects(authenticate(none), { code: 'Unauthorized' });
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const forged = new SignJWT({ sub: 'system:serviceaccount:shop:web', jti: 'x' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setExpirationTime('1h');
  await assert.rejects(authenticate(await forged.sign(stranger)), { code: 'Unauthorized' });
  const good = await tokens.issue(request);
  time.now += 3601_000;
  await assert.rejects(authenticate(good.token), { code: 'Unauthorized' });
});

test('a token ends with what it is bound to: gone, another of that name, or deleted a while ago', async () => {
  const now = Date.UTC(2026, 0, 1);
  const pod = (metadata: object) => ({ metadata: { name: 'web-0', uid: 'u2', ...metadata } });
  const deleted = (secondsAgo: number) => ({
    deletionTimestamp: new Date(now - secondsAgo * 1000).toISOString(),
  });
  const table: ReadonlyArray<[Record<string, object | undefined>, boolean]> = [
    [{ 'Pod/web-0': undefined }, false],
    [{ 'Pod/web-0': pod({ uid: 'another' }) }, false],
    [{ 'Pod/web-0': pod(deleted(61)) }, false],
    [{ 'Pod/web-0': pod(deleted(10)) }, true],
    [{ 'ServiceAccount/web': undefined }, false],
    [{ 'ServiceAccount/web': { metadata: { name: 'web', uid: 'another' } } }, false],
    [{ 'Node/box': undefined }, true],
  ];
  for (const [changed, good] of table) {
    const { tokens, authenticate } = await setUp(changed);
    const { token } = await tokens.issue(request);
    if (good) assert.equal((await authenticate(token)).uid, 'u1');
    else await assert.rejects(authenticate(token), { code: 'Unauthorized' }, JSON.stringify(changed));
  }
});

test('a token of a Secret is good as long as the Secret holds it', async () => {
  const keys = signingKeys(newKey());
  const { tokens } = await setUp({}, keys);
  const legacy = { namespace: 'shop', account: { name: 'web', uid: 'u1' }, secret: 'old' };
  const token = await tokens.issueLegacy(legacy);
  const secret = (held: string) => ({
    metadata: { name: 'old', uid: 'u4' },
    data: { token: Buffer.from(held).toString('base64') },
  });
  const holding = await setUp({ 'Secret/old': secret(token) }, keys);
  assert.equal((await holding.authenticate(token)).name, 'system:serviceaccount:shop:web');
  for (const changed of [{ 'Secret/old': secret('another') }, { 'Secret/old': undefined }, {}])
    await assert.rejects((await setUp(changed, keys)).authenticate(token), { code: 'Unauthorized' });
});

test('a key is changed: what the old one signed stays good as long as the old one is accepted', async () => {
  const [old, fresh] = [newKey(), newKey()];
  const { token } = await (await setUp({}, signingKeys(old))).tokens.issue(request);
  const both = await setUp({}, signingKeys(fresh, [old]));
  assert.equal((await both.authenticate(token)).uid, 'u1');
  const { keys } = await both.tokens.keySet();
  assert.equal(keys.length, 2);
  assert.ok(keys.every((key) => key.d === undefined));
  assert.notEqual((await both.tokens.issue(request)).token.split('.')[0], token.split('.')[0]);
  await assert.rejects((await setUp({}, signingKeys(fresh))).authenticate(token), { code: 'Unauthorized' });
});

test('a token may come as a WebSocket protocol', async () => {
  const { tokens, authenticator } = await setUp();
  const { token } = await tokens.issue(request);
  const protocols = `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
  assert.equal((await authenticator.authenticate({ protocols }, signal)).uid, 'u1');
  const bad = 'base64url.bearer.authorization.k8s.io.AAAA';
  await assert.rejects(authenticator.authenticate({ protocols: bad }, signal), { code: 'Unauthorized' });
});

test('a lifetime under ten minutes or beyond all measure is refused', async () => {
  const { tokens } = await setUp();
  for (const expirationSeconds of [60, 599, -1, 2 ** 32 + 1, 3600.5, Number.NaN])
    await assert.rejects(tokens.issue({ ...request, expirationSeconds }), { code: 'Invalid' });
});

test('certificates: user and groups, or a refusal with its reason; nothing is anonymous', async () => {
  const { authenticator } = await setUp();
  const certificate = {
    trusted: true,
    commonName: 'jane',
    organizations: ['team'],
    fingerprint: 'AB',
  };
  const jane = await authenticator.authenticate({ certificate }, signal);
  assert.deepEqual([jane.name, jane.groups], ['jane', ['team', 'system:authenticated']]);
  const bad = { ...certificate, trusted: false, problem: 'CERT_HAS_EXPIRED' };
  await assert.rejects(authenticator.authenticate({ certificate: bad }, signal), /CERT_HAS_EXPIRED/);
  const anonymous = await authenticator.authenticate({}, signal);
  assert.equal(anonymous.name, 'system:anonymous');
});
