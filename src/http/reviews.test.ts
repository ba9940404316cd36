import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CallOptions, type Fixture, startFixture } from './testing/fixture.ts';

const AUTHN = '/apis/authentication.k8s.io/v1';
const AUTHZ = '/apis/authorization.k8s.io/v1';
let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
  const body = { metadata: { name: 'builder' } };
  await fixture.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body });
});
after(() => fixture[Symbol.asyncDispose]());

async function review<Status>(path: string, spec: object | undefined, options: CallOptions = {}) {
  const answer = await fixture.call('POST', path, { body: spec === undefined ? {} : { spec }, ...options });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ status: Status; spec?: object }>();
}

async function token(): Promise<string> {
  const path = '/api/v1/namespaces/default/serviceaccounts/builder/token';
  const answer = await fixture.call('POST', path, { body: { spec: {} } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ status: { token: string } }>().status.token;
}

type Who = { userInfo: { username: string; groups: string[] } };

test('who am I: by certificate, by a token just made, as somebody else', async () => {
  const admin = await review<Who>(`${AUTHN}/selfsubjectreviews`, undefined);
  assert.equal(admin.status.userInfo.username, 'admin');
  assert.ok(admin.status.userInfo.groups.includes('system:masters'));
  const headers = { authorization: `Bearer ${await token()}` };
  const account = await review<Who>(`${AUTHN}/selfsubjectreviews`, undefined, { as: null, headers });
  assert.equal(account.status.userInfo.username, 'system:serviceaccount:default:builder');
  const as = { 'impersonate-user': 'jane', 'impersonate-group': 'devs' };
  const other = await review<Who>(`${AUTHN}/selfsubjectreviews`, undefined, { headers: as });
  assert.deepEqual(other.status.userInfo, { username: 'jane', groups: ['devs', 'system:authenticated'] });
});

test('who has no right to it may not act as somebody else', async () => {
  const headers = {
    authorization: `Bearer ${await token()}`,
    'impersonate-user': 'admin',
    'impersonate-group': 'system:masters',
  };
  const answer = await fixture.call('GET', '/api/v1/nodes', { as: null, headers });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /cannot impersonate/);
});

test('an administrator who acts as somebody else has only their rights', async () => {
  const answer = await fixture.call('GET', '/api/v1/nodes', { headers: { 'impersonate-user': 'jane' } });
  assert.equal(answer.status, 403);
});

test('may I, may they', async () => {
  const resourceAttributes = { verb: 'create', resource: 'pods', namespace: 'default' };
  const mine = await review<{ allowed: boolean }>(`${AUTHZ}/selfsubjectaccessreviews`, {
    resourceAttributes,
  });
  assert.equal(mine.status.allowed, true);
  const theirs = await review<{ allowed: boolean }>(`${AUTHZ}/subjectaccessreviews`, {
    user: 'jane',
    resourceAttributes,
  });
  assert.equal(theirs.status.allowed, false);
  const local = `${AUTHZ}/namespaces/default/localsubjectaccessreviews`;
  assert.equal(
    (await review<{ allowed: boolean }>(local, { user: 'jane', resourceAttributes })).status.allowed,
    false,
  );
  const elsewhere = { ...resourceAttributes, namespace: 'other' };
  const refused = await fixture.call('POST', local, {
    body: { spec: { user: 'jane', resourceAttributes: elsewhere } },
  });
  assert.equal(refused.status, 422);
  const health = await review<{ allowed: boolean }>(`${AUTHZ}/subjectaccessreviews`, {
    user: 'jane',
    groups: ['system:authenticated'],
    nonResourceAttributes: { verb: 'get', path: '/healthz' },
  });
  assert.equal(health.status.allowed, true);
  const neither = await fixture.call('POST', `${AUTHZ}/selfsubjectaccessreviews`, { body: { spec: {} } });
  assert.equal(neither.status, 422);
});

test('a question may name selectors, in either form, and not in both', async () => {
  const ask = async (fieldSelector: object | undefined) => {
    const resourceAttributes = { verb: 'list', resource: 'pods', ...(fieldSelector && { fieldSelector }) };
    const spec = { user: 'system:node:box', groups: ['system:nodes'], resourceAttributes };
    return await fixture.call('POST', `${AUTHZ}/subjectaccessreviews`, { body: { spec } });
  };
  const allowed = async (fieldSelector?: object) =>
    (await ask(fieldSelector)).json<{ status: { allowed: boolean } }>().status.allowed;
  const requirement = (values: string[], operator = 'In') => ({
    requirements: [{ key: 'spec.nodeName', operator, values }],
  });
  assert.equal(await allowed(), false);
  assert.equal(await allowed({ rawSelector: 'spec.nodeName=box' }), true);
  assert.equal(await allowed(requirement(['box'])), true);
  assert.equal(await allowed(requirement(['other'])), false);
  assert.equal(await allowed(requirement(['box', 'other'])), false);
  assert.equal(await allowed(requirement(['box'], 'NotIn')), false);
  assert.equal((await ask({ rawSelector: 'spec.nodeName=box', ...requirement(['box']) })).status, 422);
});

test('rules are listed', async () => {
  type Rules = { resourceRules: { resources: string[] }[]; nonResourceRules: object[]; incomplete: boolean };
  const path = `${AUTHZ}/selfsubjectrulesreviews`;
  const all = await review<Rules>(path, { namespace: 'default' });
  assert.equal(all.status.incomplete, false);
  assert.deepEqual(all.status.resourceRules[0], { verbs: ['*'], apiGroups: ['*'], resources: ['*'] });
  const headers = { 'impersonate-user': 'jane' };
  const some = await review<Rules>(path, { namespace: 'default' }, { headers });
  assert.equal(some.status.incomplete, false);
  assert.deepEqual(some.status.resourceRules.flatMap(({ resources }) => resources).sort(), [
    'selfsubjectaccessreviews',
    'selfsubjectreviews',
    'selfsubjectrulesreviews',
  ]);
});

test('a token is reviewed, and is not said again', async () => {
  const path = `${AUTHN}/tokenreviews`;
  const good = await review<{ authenticated: boolean; user: { username: string } }>(path, {
    token: await token(),
  });
  assert.equal(good.status.authenticated, true);
  assert.equal(good.status.user.username, 'system:serviceaccount:default:builder');
  assert.equal(JSON.stringify(good.spec).includes('token'), false);
  const bad = await review<{ authenticated: boolean }>(path, { token: 'a.b.c' });
  assert.equal(bad.status.authenticated, false);
  const elsewhere = await review<{ authenticated: boolean }>(path, {
    token: await token(),
    audiences: ['vault'],
  });
  assert.equal(elsewhere.status.authenticated, false);
});
