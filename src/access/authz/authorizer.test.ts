import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asked } from '../testing/asked.ts';
import { handmadeView } from '../testing/live-objects.ts';
import { ANONYMOUS, type User } from '../user.ts';
import { createAuthorizer } from './all.ts';
import { bindingObject, DEFAULT_BINDINGS, DEFAULT_ROLES, roleObject } from './bootstrap/objects.ts';
import { forbidden } from './forbidden.ts';
import { createRbac } from './rbac/rbac.ts';

const authorizer = createAuthorizer({
  rbac: createRbac(handmadeView(...DEFAULT_ROLES.map(roleObject), ...DEFAULT_BINDINGS.map(bindingObject))),
  graph: {
    podIsOn: async (node, pod) => node === 'box' && pod.name === 'mine',
    isUsedOn: async (node, object) => node === 'box' && object.name === 'used',
  },
});

function user(name: string, ...groups: string[]): User {
  return { name, uid: '', groups: [...groups, 'system:authenticated'], extra: {} };
}
const NODE = user('system:node:box', 'system:nodes');
const ADMIN = user('admin', 'system:masters');
const ACCOUNT = user('system:serviceaccount:a:b', 'system:serviceaccounts');
const CONTROLLERS = user('system:amphora:controllers');
const SCHEDULER = user('system:amphora:scheduler');

const TABLE: ReadonlyArray<[User, 'may' | 'may not', string]> = [
  [ADMIN, 'may', 'delete nodes /x'],
  [ADMIN, 'may', 'get /metrics'],
  [ANONYMOUS, 'may', 'get /healthz'],
  [ANONYMOUS, 'may not', 'get /readyz/store'],
  [ANONYMOUS, 'may', 'get /version'],
  [ANONYMOUS, 'may not', 'get /api'],
  [ANONYMOUS, 'may not', 'get /healthz/../api'],
  [ANONYMOUS, 'may not', 'post /healthz'],
  [ANONYMOUS, 'may not', 'list pods a/'],
  [ACCOUNT, 'may', 'get /apis/apps/v1'],
  [ACCOUNT, 'may', 'get /openid/v1/jwks'],
  [ACCOUNT, 'may', 'create selfsubjectaccessreviews.authorization.k8s.io'],
  [ACCOUNT, 'may not', 'create nodes.amphora.dev/tunnel /box'],
  [ACCOUNT, 'may not', 'get pods a/x'],
  [user('system:node:box'), 'may not', 'get nodes /box'],
  [NODE, 'may', 'create nodes.amphora.dev/tunnel /box'],
  [NODE, 'may not', 'create nodes.amphora.dev/tunnel /other'],
  [NODE, 'may', 'create nodes'],
  [NODE, 'may', 'patch nodes/status /box'],
  [NODE, 'may not', 'patch nodes/status /other'],
  [NODE, 'may not', 'delete nodes /box'],
  [NODE, 'may', 'update leases.coordination.k8s.io kube-node-lease/box'],
  [NODE, 'may not', 'update leases.coordination.k8s.io kube-system/box'],
  [NODE, 'may', 'watch pods / spec.nodeName=box'],
  [NODE, 'may not', 'watch pods'],
  [NODE, 'may not', 'list pods / spec.nodeName=other'],
  [NODE, 'may not', 'list pods / spec.nodeName!=box'],
  [NODE, 'may', 'patch pods/status a/mine'],
  [NODE, 'may not', 'patch pods a/mine'],
  [NODE, 'may not', 'patch pods/status a/other'],
  [NODE, 'may', 'delete pods a/mine'],
  [NODE, 'may not', 'create pods a/'],
  [NODE, 'may not', 'create pods/exec a/mine'],
  [NODE, 'may', 'get secrets a/used'],
  [NODE, 'may not', 'get secrets a/other'],
  [NODE, 'may not', 'list secrets a/'],
  [NODE, 'may not', 'update secrets a/used'],
  [NODE, 'may', 'create serviceaccounts/token a/used'],
  [NODE, 'may not', 'create serviceaccounts/token a/other'],
  [NODE, 'may', 'create events a/'],
  [NODE, 'may', 'create certificatesigningrequests.certificates.k8s.io'],
  [NODE, 'may not', 'update certificatesigningrequests.certificates.k8s.io/approval /x'],
  [NODE, 'may', 'list services'],
  [NODE, 'may not', 'create services a/'],
  [NODE, 'may not', 'get constructor a/x'],
  [CONTROLLERS, 'may', 'create pods a/'],
  [CONTROLLERS, 'may', 'delete widgets.example.com a/x'],
  [CONTROLLERS, 'may not', 'create clusterrolebindings.rbac.authorization.k8s.io'],
  [CONTROLLERS, 'may not', 'create pods/exec a/x'],
  [SCHEDULER, 'may', 'create pods/binding a/x'],
  [SCHEDULER, 'may not', 'get secrets a/x'],
  [SCHEDULER, 'may not', 'create pods a/'],
];

for (const [who, may, text] of TABLE) {
  test(`${who.name} ${may} ${text}`, async () => {
    const decision = await authorizer.authorize(who, asked(text), new AbortController().signal);
    assert.equal(decision.allowed, may === 'may');
  });
}

test('refusals are worded as upstream words them', () => {
  const message = (text: string) => forbidden(user('x'), asked(text), '').message;
  assert.equal(
    message('list pods y/'),
    'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y"',
  );
  assert.equal(
    message('get deployments.apps/scale y/n'),
    'deployments.apps "n" is forbidden: User "x" cannot get resource "deployments/scale" in API group "apps" in the namespace "y"',
  );
  assert.equal(
    message('list nodes'),
    'nodes is forbidden: User "x" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  assert.equal(message('get /metrics'), 'forbidden: User "x" cannot get path "/metrics"');
});
