import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { createAuthenticator } from './authenticator.ts';
import { createServiceAccountTokens, type StillExists } from './service-account-tokens.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const signal = new AbortController().signal;

async function setUp(gone: ReadonlySet<string> = new Set()) {
  const time = { now: Date.UTC(2026, 0, 1) };
  const clock = { now: () => time.now, sleep: () => Promise.resolve() };
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const exists: StillExists = async (object) => !gone.has(`${object.kind}/${object.name}`);
  const tokens = await createServiceAccountTokens({ key, issuer: ISSUER, clock, exists });
  return { time, tokens, authenticator: createAuthenticator({ tokens }) };
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
  const { time, tokens, authenticator } = await setUp();
  const authenticate = (token: string) =>
    authenticator.authenticate({ authorization: `Bearer ${token}` }, signal);
  const vault = await tokens.issue({ ...request, audiences: ['vault'] });
  await assert.rejects(authenticate(vault.token), { code: 'Unauthorized' });
  assert.equal((await tokens.verify(vault.token, signal, ['vault']))?.uid, 'u1');
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

test('a token ends with the pod it is bound to', async () => {
  const { tokens, authenticator } = await setUp(new Set(['Pod/web-0']));
  const { token } = await tokens.issue(request);
  await assert.rejects(authenticator.authenticate({ authorization: `Bearer ${token}` }, signal), /web-0/);
});

test('a lifetime under ten minutes is refused', async () => {
  const { tokens } = await setUp();
  await assert.rejects(tokens.issue({ ...request, expirationSeconds: 60 }), { code: 'Invalid' });
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
