import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '../../../api/types.generated.ts';
import { asked } from '../../testing/asked.ts';
import { handmadeView } from '../../testing/live-objects.ts';
import type { User } from '../../user.ts';
import { createRbac, type Rbac } from './rbac.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const JANE: User = { name: 'jane', uid: '', groups: ['devs', 'system:authenticated'], extra: {} };
const BOT: User = { name: 'system:serviceaccount:ci:bot', uid: '', groups: [], extra: {} };

function role(name: string, rules: readonly PolicyRule[], namespace?: string) {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { apiVersion, kind: namespace === undefined ? 'ClusterRole' : 'Role', metadata, rules };
}

function binding(name: string, to: { role: string; subjects: readonly object[]; namespace?: string }) {
  const { namespace, subjects } = to;
  const [kind, roleName] = to.role.split('/');
  return {
    apiVersion,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: namespace === undefined ? { name } : { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
    subjects,
  };
}

function may(rbac: Rbac, user: User, text: string): boolean {
  return rbac.authorize(user, asked(text))?.verdict === 'allow';
}

const MATCHING: ReadonlyArray<[PolicyRule, readonly string[], readonly string[]]> = [
  [
    { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] },
    ['get pods a/x', 'list pods a/', 'list pods'],
    ['delete pods a/x', 'get pods/log a/x', 'get pods.metrics.k8s.io a/x', 'get nodes /x', 'get /pods'],
  ],
  [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    ['delete nodes /x', 'create pods/exec a/x', 'impersonate users /bob'],
    ['get /metrics'],
  ],
  [
    { verbs: ['update'], apiGroups: ['apps'], resources: ['*/scale'] },
    ['update deployments.apps/scale a/x', 'update things.apps/scale a/x'],
    ['update deployments.apps a/x', 'update deployments.apps/status a/x', 'update rcs/scale a/x'],
  ],
  [{ verbs: ['get'], apiGroups: [''], resources: ['pods/*'] }, [], ['get pods/log a/x', 'get pods a/x']],
  [
    { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one', 'two'] },
    ['get configmaps a/one', 'get configmaps a/two'],
    ['get configmaps a/three', 'get configmaps a/', 'get constructor a/one'],
  ],
  [
    { verbs: ['get'], nonResourceURLs: ['/logs/*', '/version'] },
    ['get /logs/', 'get /logs/a/b', 'get /version'],
    ['get /logs', 'post /version', 'get /version/', 'get /versions'],
  ],
  [{ verbs: ['get'], nonResourceURLs: ['*'] }, ['get /anything'], ['get pods a/x']],
];

for (const [rule, allowed, denied] of MATCHING) {
  test(`a rule ${JSON.stringify(rule)} allows what it says and nothing else`, () => {
    const rbac = createRbac(
      handmadeView(
        role('r', [rule]),
        binding('b', { role: 'ClusterRole/r', subjects: [{ kind: 'User', name: 'jane' }] }),
      ),
    );
    for (const text of allowed) assert.equal(may(rbac, JANE, text), true, text);
    for (const text of denied) assert.equal(may(rbac, JANE, text), false, text);
  });
}

const READ_PODS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };

test('subjects: user, group, service account, and nobody else', () => {
  const subjects = [
    { kind: 'Group', name: 'devs' },
    { kind: 'ServiceAccount', name: 'bot', namespace: 'ci' },
  ];
  const rbac = createRbac(
    handmadeView(role('r', [READ_PODS]), binding('b', { role: 'ClusterRole/r', subjects })),
  );
  assert.equal(may(rbac, JANE, 'get pods a/x'), true);
  assert.equal(may(rbac, BOT, 'get pods a/x'), true);
  assert.equal(may(rbac, { ...JANE, name: 'devs', groups: [] }, 'get pods a/x'), false);
  assert.equal(may(rbac, { ...BOT, name: 'system:serviceaccount:other:bot' }, 'get pods a/x'), false);
  assert.equal(may(rbac, { ...BOT, name: 'bot', groups: ['bot', '__proto__'] }, 'get pods a/x'), false);
});

test('a RoleBinding holds in its namespace, also of a ClusterRole; its service account is of its namespace', () => {
  const rbac = createRbac(
    handmadeView(
      role('wide', [READ_PODS, { verbs: ['get'], nonResourceURLs: ['*'] }]),
      role('narrow', [{ ...READ_PODS, resources: ['secrets'] }], 'ci'),
      binding('one', {
        role: 'ClusterRole/wide',
        subjects: [{ kind: 'User', name: 'jane' }],
        namespace: 'ci',
      }),
      binding('two', {
        role: 'Role/narrow',
        subjects: [{ kind: 'ServiceAccount', name: 'bot' }],
        namespace: 'ci',
      }),
    ),
  );
  assert.equal(may(rbac, JANE, 'get pods ci/x'), true);
  assert.equal(may(rbac, JANE, 'get pods a/x'), false);
  assert.equal(may(rbac, JANE, 'get pods'), false);
  assert.equal(may(rbac, JANE, 'get /metrics'), false);
  assert.equal(may(rbac, BOT, 'get secrets ci/x'), true);
  assert.equal(may(rbac, BOT, 'get secrets a/x'), false);
});

test('changes hold at once: role before binding and after it, changed, gone', () => {
  const bound = binding('b', { role: 'ClusterRole/r', subjects: [{ kind: 'User', name: 'jane' }] });
  const view = handmadeView(bound);
  const rbac = createRbac(view);
  assert.deepEqual(rbac.authorize(JANE, asked('get pods a/x')), {
    verdict: 'none',
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "r" not found',
  });
  view.put(role('r', [READ_PODS]));
  assert.deepEqual(rbac.authorize(JANE, asked('get pods a/x')), {
    verdict: 'allow',
    reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "jane"',
  });
  view.put(role('r', []));
  assert.equal(may(rbac, JANE, 'get pods a/x'), false);
  view.put(role('r', [READ_PODS]), { ...bound, subjects: [{ kind: 'Group', name: 'ops' }] });
  assert.equal(may(rbac, JANE, 'get pods a/x'), false);
  view.put(bound);
  assert.equal(may(rbac, JANE, 'get pods a/x'), true);
  view.drop(bound);
  assert.equal(may(rbac, JANE, 'get pods a/x'), false);
  assert.deepEqual(rbac.rulesFor(JANE, 'a'), { rules: [], problems: [] });
});

test('a rule of a hundred thousand groups and resources is compiled and asked at once', () => {
  const many = (name: string) => Array.from({ length: 100_000 }, (_, index) => `${name}${index}`);
  const rule = { verbs: ['get'], apiGroups: many('g'), resources: many('r') };
  const before = performance.now();
  const rbac = createRbac(
    handmadeView(
      role('r', [rule]),
      binding('b', { role: 'ClusterRole/r', subjects: [{ kind: 'User', name: 'jane' }] }),
    ),
  );
  assert.equal(may(rbac, JANE, 'get r99999.g99999 a/x'), true);
  assert.equal(may(rbac, JANE, 'get r99999.g100000 a/x'), false);
  assert.equal(may(rbac, JANE, 'list r99999.g99999 a/'), false);
  assert.ok(performance.now() - before < 2000);
});
