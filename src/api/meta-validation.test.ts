import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateName } from './generate-name.ts';
import type { ObjectMeta } from './kind.ts';
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  pathSegmentName,
  qualifiedName,
  type Rule,
  validateObjectMeta,
} from './meta-validation.ts';

const rules: ReadonlyArray<[string, Rule, string[], string[]]> = [
  [
    'DNS-1123 label',
    dns1123Label,
    ['a', '0', 'a-b', 'a'.repeat(63)],
    ['', 'A', 'a.b', '-a', 'a-', 'a_b', 'a'.repeat(64), 'a\n'],
  ],
  [
    'DNS-1123 subdomain',
    dns1123Subdomain,
    ['a.b', '0.1', 'a-b.c'],
    ['', 'a..b', '.a', 'a.', 'A.b', `${'a.'.repeat(127)}`],
  ],
  ['DNS-1035 label', dns1035Label, ['a', 'a0'], ['0a', '', 'a.b']],
  ['path segment', pathSegmentName, ['system:node', 'A b'], ['.', '..', 'a/b', 'a%']],
  [
    'qualified name',
    qualifiedName,
    ['a', 'A_b.c', 'example.com/a'],
    ['', '/a', 'a/', 'a/b/c', '-a', 'Ex/a', `${'a'.repeat(64)}`],
  ],
  ['label value', labelValue, ['', 'a', 'A.b_c-1'], ['-', 'a b', 'a/b', 'a'.repeat(64)]],
];
for (const [name, rule, good, bad] of rules) {
  test(name, () => {
    for (const value of good) assert.deepEqual(rule(value), [], JSON.stringify(value));
    for (const value of bad) assert.ok(rule(value).length > 0, JSON.stringify(value));
  });
}

const pods = { group: '', resource: 'pods', namespaced: true };
const details: ReadonlyArray<[string, ObjectMeta, typeof pods, string, string]> = [
  ['no name', { name: '', namespace: 'n' }, pods, 'metadata.name', 'FieldValueRequired'],
  ['a bad name', { name: 'A', namespace: 'n' }, pods, 'metadata.name', 'FieldValueInvalid'],
  ['no namespace', { name: 'a' }, pods, 'metadata.namespace', 'FieldValueRequired'],
  [
    'a namespace too many',
    { name: 'a', namespace: 'n' },
    { ...pods, resource: 'nodes', namespaced: false },
    'metadata.namespace',
    'FieldValueForbidden',
  ],
  [
    'a bad label',
    { name: 'a', namespace: 'n', labels: { a: 'b c' } },
    pods,
    'metadata.labels',
    'FieldValueInvalid',
  ],
  [
    'a bad annotation',
    { name: 'a', namespace: 'n', annotations: { '': 'b' } },
    pods,
    'metadata.annotations',
    'FieldValueInvalid',
  ],
  [
    'big annotations',
    { name: 'a', namespace: 'n', annotations: { a: 'x'.repeat(262145) } },
    pods,
    'metadata.annotations',
    'FieldValueTooLong',
  ],
  [
    'a bad finalizer',
    { name: 'a', namespace: 'n', finalizers: ['a b'] },
    pods,
    'metadata.finalizers[0]',
    'FieldValueInvalid',
  ],
  [
    'an owner without uid',
    { name: 'a', namespace: 'n', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: '' }] },
    pods,
    'metadata.ownerReferences[0].uid',
    'FieldValueInvalid',
  ],
];
for (const [name, meta, kind, field, reason] of details) {
  test(`metadata with ${name}`, () => {
    const [first] = validateObjectMeta(meta, kind);
    assert.deepEqual([first?.field, first?.reason], [field, reason]);
  });
}

test('good metadata has nothing wrong', () => {
  const meta = {
    name: 'a',
    namespace: 'n',
    labels: { 'a.b/c': '' },
    annotations: { 'a.b/C': 'anything at all' },
  };
  assert.deepEqual(validateObjectMeta(meta, pods), []);
  const role = { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', namespaced: false };
  assert.deepEqual(validateObjectMeta({ name: 'system:node' }, role), []);
});

test('generateName adds five characters and stays within 63', () => {
  assert.equal(
    generateName('web-', () => 0),
    'web-bbbbb',
  );
  const long = generateName('x'.repeat(80));
  assert.match(long, /^x{58}[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});
