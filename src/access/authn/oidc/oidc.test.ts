import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { createAuthority, issueServer, loadIssuer } from '../certificates.ts';
import { readJwtIssuer } from './issuer-config.ts';
import { oidcTokens } from './oidc.ts';

const signal = new AbortController().signal;
const time = { now: Date.now() };
const clock = { now: () => time.now, sleep: async () => {} };
type Key = Awaited<ReturnType<typeof generateKeyPair>>;
let url: string;
let ca: string;
let key: Key;
let stranger: Key;
let fetched = 0;
/** What the issuer says of itself, and its keys. */
let answers: Record<string, object | string> = {};
const server = { close: () => {} };

before(async () => {
  const authority = await createAuthority('issuer-ca', { now: Date.now(), days: 1 });
  ca = authority.certificate;
  const names = { name: 'issuer', names: ['127.0.0.1'], now: Date.now(), days: 1 };
  const pair = await issueServer(await loadIssuer(authority), names);
  const https = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    fetched += 1;
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  https.listen(0, '127.0.0.1');
  await new Promise((resolve) => https.once('listening', resolve));
  url = `https://127.0.0.1:${(https.address() as AddressInfo).port}`;
  server.close = () => https.close();
  key = await generateKeyPair('RS256');
  stranger = await generateKeyPair('RS256');
  await publish(key);
});
after(() => server.close());

async function publish(...keys: Key[]) {
  const set = await Promise.all(
    keys.map(async ({ publicKey }, index) => ({
      ...(await exportJWK(publicKey)),
      kid: `${index}`,
      alg: 'RS256',
    })),
  );
  answers = {
    '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
    '/keys': { keys: set },
  };
}

function issuer(more: object = {}, mappings: object = {}) {
  return readJwtIssuer(
    {
      issuer: { url, audiences: ['amphora', 'other'], certificateAuthority: ca },
      claimMappings: {
        username: { claim: 'sub', prefix: 'oidc:' },
        groups: { claim: 'groups', prefix: 'oidc:' },
        ...mappings,
      },
      ...more,
    },
    'jwt[0]',
  );
}

function token(payload: JWTPayload, by: Key = key, kid = '0') {
  return new SignJWT({
    iss: url,
    aud: 'amphora',
    exp: Math.floor(time.now / 1000) + 60,
    sub: 'jane',
    ...payload,
  })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(by.privateKey);
}

function verifierOf(...issuers: ReturnType<typeof issuer>[]) {
  const verify = oidcTokens(issuers, clock);
  return (text: string) => verify(text, { signal, audiences: [] });
}

test('claims become a user, with prefixes', async () => {
  const verify = verifierOf(issuer({}, { uid: { claim: 'oid' } }));
  const found = await verify(await token({ groups: ['a', 'b'], oid: '7', jti: 'x' }));
  assert.deepEqual(found?.user, {
    name: 'oidc:jane',
    uid: '7',
    groups: ['oidc:a', 'oidc:b', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': ['JTI=x'] },
  });
  const one = await verify(await token({ groups: 'a', oid: '7' }));
  assert.deepEqual(one?.user.groups, ['oidc:a', 'system:authenticated']);
});

test('refused: another audience, key, algorithm or time, a claim that is missing', async () => {
  const verify = verifierOf(
    issuer({ claimValidationRules: [{ claim: 'hd', requiredValue: 'example.com' }] }),
  );
  const good = { hd: 'example.com' };
  assert.equal((await verify(await token(good)))?.user.name, 'oidc:jane');
  const secret = new TextEncoder().encode('x'.repeat(64));
  const shared = await new SignJWT({ iss: url, aud: 'amphora', sub: 'jane', ...good })
    .setExpirationTime('1h')
    .setProtectedHeader({ alg: 'HS256', kid: '0' })
    .sign(secret);
  const [, payload = ''] = (await token(good)).split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  const bad = [
    await token({ ...good, aud: 'elsewhere' }),
    await token({ ...good, exp: Math.floor(time.now / 1000) - 1 }),
    await token({ ...good, nbf: Math.floor(time.now / 1000) + 60 }),
    await token({ hd: 'evil.com' }),
    await token({}),
    await token({ ...good, sub: '' }),
    await token(good, stranger),
    shared,
    none,
  ];
  for (const text of bad) await assert.rejects(verify(text), { code: 'Unauthorized' }, text);
  assert.equal(await verify(await token({ ...good, iss: 'https://else.example' })), undefined);
  assert.equal(await verify('x'), undefined);
  assert.equal(await verify(`${'a'.repeat(20_000)}.b.c`), undefined);
});

test('an email counts only if it is verified', async () => {
  const verify = verifierOf(issuer({}, { username: { claim: 'email', prefix: '' } }));
  assert.equal((await verify(await token({ email: 'a@b.c', email_verified: true })))?.user.name, 'a@b.c');
  await assert.rejects(verify(await token({ email: 'a@b.c', email_verified: false })), {
    code: 'Unauthorized',
  });
});

test('keys are fetched once for all, again for a new one, and not for each stranger', async () => {
  const verify = verifierOf(issuer());
  fetched = 0;
  const tokens = await Promise.all([token({}), token({}), token({})]);
  await Promise.all(tokens.map(verify));
  assert.equal(fetched, 2);
  const next = await generateKeyPair('RS256');
  await publish(key, next);
  const unknown = await token({}, next, '1');
  await assert.rejects(verify(unknown), { code: 'Unauthorized' });
  assert.equal(fetched, 2);
  time.now += 11_000;
  assert.equal((await verify(await token({}, next, '1')))?.user.name, 'oidc:jane');
  assert.equal(fetched, 4);
  await publish(key);
});

test('an issuer that lies, sends too much or is away is no good', async () => {
  const good = { ...answers };
  const discovery = '/.well-known/openid-configuration';
  const table: Record<string, object | string>[] = [
    { ...good, [discovery]: { issuer: 'https://else.example', jwks_uri: `${url}/keys` } },
    { ...good, [discovery]: { issuer: url, jwks_uri: 'http://127.0.0.1/keys' } },
    { ...good, '/keys': 'x'.repeat(1_000_000) },
    { ...good, '/keys': { keys: 7 } },
    { ...good, '/keys': 'no json' },
    {},
  ];
  for (const each of table) {
    answers = each;
    await assert.rejects(verifierOf(issuer())(await token({})), { code: 'Unauthorized' });
  }
  answers = good;
});

test('a configuration that is wrong says where', () => {
  const mappings = { username: { claim: 'sub', prefix: '' } };
  const source = { url: 'https://a.example', audiences: ['x'] };
  const table: ReadonlyArray<[object, RegExp]> = [
    [{ issuer: { ...source, url: 'http://a.example' }, claimMappings: mappings }, /issuer\.url/],
    [{ issuer: { ...source, audiences: [] }, claimMappings: mappings }, /issuer\.audiences/],
    [{ issuer: source, claimMappings: {} }, /claimMappings\.username/],
    [{ issuer: source, claimMappings: { username: { claim: 'sub' } } }, /username\.prefix/],
    [{ issuer: source, claimMappings: { username: { expression: 'claims.sub' } } }, /username\.expression/],
    [{ issuer: source, claimMappings: mappings, userValidationRules: [{}] }, /userValidationRules/],
  ];
  for (const [value, at] of table) assert.throws(() => readJwtIssuer(value, 'jwt[0]'), at);
});
