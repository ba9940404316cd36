import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KeyPair } from '../access/authn/certificates.ts';
import { allPlugins } from '../access/testing/plugins.ts';
import { type CallOptions, type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const PODS = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };
const SECRETS = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
let fixture: Fixture;
let jane: KeyPair;

before(async () => {
  fixture = await startFixture({ plugins: (live, access) => allPlugins(live, { access }) });
  jane = await fixture.pki.issue({ user: 'jane', groups: ['devs'] });
  await make('clusterroles', 'role-writer', {
    rules: [
      {
        verbs: ['create', 'update', 'patch', 'get'],
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
      },
      PODS,
    ],
  });
  await make('clusterrolebindings', 'jane-writes', bound('ClusterRole', 'role-writer', 'jane'));
  await make('clusterroles', 'secret-reader', { rules: [SECRETS] });
  await waitFor(async () => (await fixture.call('GET', '/api/v1/pods', { as: jane })).status === 200);
});
after(() => fixture[Symbol.asyncDispose]());

function bound(kind: string, name: string, user: string) {
  return { roleRef: { kind, name }, subjects: [{ kind: 'User', name: user }] };
}

async function make(resource: string, name: string, fields: object, options: CallOptions = {}) {
  const body = { metadata: { name }, ...fields };
  return await fixture.call('POST', `${RBAC}/${resource}`, { body, ...options });
}

const inDefault = 'namespaces/default';

test('a role may hold what its writer holds, and no more', async () => {
  const held = await make(`${inDefault}/roles`, 'held', { rules: [PODS] }, { as: jane });
  assert.equal(held.status, 201, held.text);
  const more = await make(`${inDefault}/roles`, 'more', { rules: [PODS, SECRETS] }, { as: jane });
  assert.equal(more.status, 403);
  assert.equal(
    more.json<{ message: string }>().message,
    'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  );
  const patch = {
    body: { rules: [SECRETS] },
    as: jane,
    headers: { 'content-type': 'application/merge-patch+json' },
  };
  assert.equal((await fixture.call('PATCH', `${RBAC}/${inDefault}/roles/held`, patch)).status, 403);
  const all = await make(
    'clusterroles',
    'all',
    { rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] },
    { as: jane },
  );
  assert.equal(all.status, 403);
});

test('rights do not come through an aggregated role', async () => {
  const aggregationRule = {
    clusterRoleSelectors: [{ matchLabels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } }],
  };
  const answer = await make('clusterroles', 'gather', { aggregationRule, rules: [] }, { as: jane });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /must have cluster-admin privileges to use aggregationRule/);
});

test('a binding gives what its writer holds, unless bind is allowed for that role', async () => {
  const refused = await make(
    `${inDefault}/rolebindings`,
    'b',
    bound('ClusterRole', 'secret-reader', 'jane'),
    { as: jane },
  );
  assert.equal(refused.status, 403);
  assert.match(refused.text, /attempting to grant RBAC permissions not currently held/);
  const missing = await make(`${inDefault}/rolebindings`, 'b', bound('ClusterRole', 'nothing', 'jane'), {
    as: jane,
  });
  assert.equal(missing.status, 404, missing.text);
  const binder = {
    verbs: ['bind'],
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles'],
    resourceNames: ['secret-reader'],
  };
  await make('clusterroles', 'binder', { rules: [binder] });
  await make('clusterrolebindings', 'jane-binds', bound('ClusterRole', 'binder', 'jane'));
  await waitFor(async () => {
    const answer = await make(
      `${inDefault}/rolebindings`,
      'b',
      bound('ClusterRole', 'secret-reader', 'jane'),
      { as: jane },
    );
    return answer.status === 201;
  });
  const admin = await make('clusterrolebindings', 'up', bound('ClusterRole', 'cluster-admin', 'jane'), {
    as: jane,
  });
  assert.equal(admin.status, 403);
});

test('the role of a binding cannot be changed', async () => {
  await make(`${inDefault}/rolebindings`, 'fixed', bound('ClusterRole', 'view', 'bob'));
  const body = { metadata: { name: 'fixed' }, ...bound('ClusterRole', 'edit', 'bob') };
  const answer = await fixture.call('PUT', `${RBAC}/${inDefault}/rolebindings/fixed`, { body });
  assert.equal(answer.status, 422);
  assert.match(answer.text, /cannot change roleRef/);
});

test('what is no rule or subject is refused by its field', async () => {
  const table: ReadonlyArray<[string, object, string]> = [
    ['roles', { rules: [{ verbs: [], apiGroups: [''], resources: ['pods'] }] }, 'rules[0].verbs'],
    ['roles', { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, 'rules[0].nonResourceURLs'],
    ['roles', { rules: [{ verbs: ['get'] }] }, 'rules[0].apiGroups'],
    ['rolebindings', bound('Deployment', 'x', 'y'), 'roleRef.kind'],
    ['rolebindings', bound('Role', '', 'y'), 'roleRef.name'],
    [
      'rolebindings',
      { ...bound('Role', 'x', 'y'), subjects: [{ kind: 'Robot', name: 'x' }] },
      'subjects[0].kind',
    ],
  ];
  for (const [resource, fields, field] of table) {
    const answer = await make(`${inDefault}/${resource}`, 'bad', fields);
    assert.equal(answer.status, 422, answer.text);
    const { details } = answer.json<{ details: { causes: { field: string }[] } }>();
    assert.ok(
      details.causes.some((cause) => cause.field === field),
      answer.text,
    );
  }
});

test('impersonation needs the right to each user, group, account and extra field', async () => {
  const rule = (resources: string, names: string[], apiGroups = ['']) => ({
    verbs: ['impersonate'],
    apiGroups,
    resources: [resources],
    resourceNames: names,
  });
  await make('clusterroles', 'actor', {
    rules: [
      rule('users', ['bob']),
      rule('groups', ['ops']),
      rule('userextras/reason', ['audit'], ['authentication.k8s.io']),
    ],
  });
  await make('clusterrolebindings', 'jane-acts', bound('ClusterRole', 'actor', 'jane'));
  const whoAmI = (headers: Record<string, string>) =>
    fixture.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: {},
      as: jane,
      headers,
    });
  await waitFor(async () => (await whoAmI({ 'impersonate-user': 'bob' })).status === 201);
  const whole = await whoAmI({
    'impersonate-user': 'bob',
    'impersonate-group': 'ops',
    'impersonate-extra-reason': 'audit',
  });
  assert.deepEqual(whole.json<{ status: object }>().status, {
    userInfo: { username: 'bob', groups: ['ops', 'system:authenticated'], extra: { reason: ['audit'] } },
  });
  const refused: Record<string, string>[] = [
    { 'impersonate-user': 'alice' },
    { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' },
    { 'impersonate-user': 'bob', 'impersonate-group': 'ops,system:masters' },
    { 'impersonate-user': 'bob', 'impersonate-uid': '7' },
    { 'impersonate-user': 'bob', 'impersonate-extra-reason': 'fun' },
    { 'impersonate-user': 'system:serviceaccount:kube-system:default' },
    { 'impersonate-user': 'system:anonymous' },
  ];
  for (const headers of refused) {
    const answer = await whoAmI(headers);
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.match(answer.text, /cannot impersonate resource/);
  }
  for (const headers of [
    { 'impersonate-group': 'ops' },
    { 'impersonate-user': 'bob', 'impersonate-what': 'x' },
  ])
    assert.equal((await whoAmI(headers)).status, 400, JSON.stringify(headers));
});
