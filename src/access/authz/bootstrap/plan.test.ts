import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../../api/kind.ts';
import type { PolicyRule } from '../../../api/types.generated.ts';
import { handmadeView } from '../../testing/live-objects.ts';
import { compact, uncovered } from '../rbac/covers.ts';
import { AUTO_UPDATE, bindingObject, DEFAULT_BINDINGS, DEFAULT_ROLES, roleObject } from './objects.ts';
import { planDefaults } from './plan.ts';

const all = [
  ...DEFAULT_ROLES.map(roleObject),
  ...DEFAULT_BINDINGS.map(bindingObject),
] as unknown as ApiObject[];
const find = (kind: string, name: string) => {
  const found = all.find((object) => object.kind === kind && object.metadata.name === name);
  assert.ok(found);
  return found;
};

test('an empty cluster gets everything, a whole one nothing', () => {
  assert.equal(planDefaults(handmadeView()).length, all.length);
  assert.deepEqual(planDefaults(handmadeView(...all)), []);
  assert.equal(
    new Set(all.map(({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}`)).size,
    all.length,
  );
});

test('every binding names a role that is there', () => {
  for (const { kind, roleRef, metadata } of all.filter(({ kind }) => kind.endsWith('Binding'))) {
    const { kind: roleKind, name } = roleRef as { kind: string; name: string };
    assert.ok(
      all.some(
        (object) =>
          object.kind === roleKind &&
          object.metadata.name === name &&
          object.metadata.namespace === metadata.namespace,
      ),
      `${kind} ${metadata.name}`,
    );
  }
});

test('what somebody removed comes back, what somebody added stays', () => {
  const role = find('ClusterRole', 'system:basic-user');
  const own = { verbs: ['get'], apiGroups: [''], resources: ['things'] };
  const changed = { ...role, metadata: { ...role.metadata, resourceVersion: '7' }, rules: [own] };
  const [step, ...others] = planDefaults(handmadeView(...all, changed));
  assert.deepEqual(others, []);
  assert.equal(step?.kind, 'update');
  assert.equal(step?.object.metadata.resourceVersion, '7');
  assert.deepEqual(step?.object.rules, [own, ...compact(uncovered([], role.rules as PolicyRule[]))]);
  const kept = { ...changed, metadata: { ...role.metadata, annotations: { [AUTO_UPDATE]: 'false' } } };
  assert.deepEqual(planDefaults(handmadeView(...all, kept)), []);
});

test('an aggregated role keeps the rules that were gathered', () => {
  const admin = {
    ...find('ClusterRole', 'admin'),
    rules: [{ verbs: ['get'], apiGroups: [''], resources: ['x'] }],
  };
  assert.deepEqual(planDefaults(handmadeView(...all, admin)), []);
});

test('bindings: a subject that is missing is added, another role replaces it', () => {
  const binding = find('ClusterRoleBinding', 'system:public-info-viewer');
  const subjects = [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }];
  const [added] = planDefaults(handmadeView(...all, { ...binding, subjects }));
  assert.equal(added?.kind, 'update');
  assert.deepEqual(added?.object.subjects, [...subjects, ...(binding.subjects as unknown[])]);
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'other' };
  const [replaced] = planDefaults(handmadeView(...all, { ...binding, roleRef }));
  assert.equal(replaced?.kind, 'replace');
});
