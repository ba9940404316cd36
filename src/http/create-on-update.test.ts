import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, startFixture } from './testing/fixture.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const ROLES = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture[Symbol.asyncDispose]());

function put(name: string, options: { as?: Fixture['admin']; resourceVersion?: string } = {}) {
  const { resourceVersion, as } = options;
  const body = { metadata: { name, ...(resourceVersion === undefined ? {} : { resourceVersion }) } };
  return fixture.call('PUT', `${LEASES}/${name}`, { body, ...(as === undefined ? {} : { as }) });
}

test('a PUT makes a lease that is missing, and writes over one only from its revision', async () => {
  assert.equal((await put('a')).status, 201);
  const blind = await put('a');
  assert.equal(blind.status, 422, blind.text);
  assert.match(blind.text, /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/);
  const { metadata } = (await fixture.call('GET', `${LEASES}/a`)).json<{
    metadata: { resourceVersion: string };
  }>();
  assert.equal((await put('a', metadata)).status, 200);
});

test('who may update may not create by that', async () => {
  const rules = [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'update'] }];
  await fixture.call('POST', `${ROLES}/roles`, { body: { metadata: { name: 'r' }, rules } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' };
  const subjects = [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }];
  await fixture.call('POST', `${ROLES}/rolebindings`, {
    body: { metadata: { name: 'b' }, roleRef, subjects },
  });
  const jane = await fixture.pki.client('jane', { user: 'jane', groups: [] });
  const refused = await put('b', { as: jane });
  assert.equal(refused.status, 403, refused.text);
  assert.match(refused.text, /cannot create resource/);
});
