import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneJson, equalJson, isJsonObject, memberPath } from './json.ts';

test('a clone shares nothing and keeps a member called __proto__', () => {
  const original: unknown = JSON.parse('{"a":[{"b":1}],"__proto__":{"polluted":true}}');
  const copy = cloneJson(original);
  assert.ok(isJsonObject(copy) && isJsonObject(original));
  assert.ok(Object.hasOwn(copy, '__proto__'));
  assert.notEqual(copy.a, original.a);
  assert.equal(JSON.stringify(copy), JSON.stringify(original));
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
});

test('equality ignores the order of members and nothing else', () => {
  assert.ok(equalJson({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }));
  assert.ok(!equalJson({ a: 1 }, { a: 1, b: undefined }));
  assert.ok(!equalJson([1, 2], [2, 1]));
  assert.ok(!equalJson({ a: null }, { b: null }));
});

test('paths read as upstream writes them', () => {
  assert.equal(memberPath('', 'spec'), 'spec');
  assert.equal(memberPath('spec.containers[0]', 'image'), 'spec.containers[0].image');
  assert.equal(
    memberPath('metadata.labels', 'app.kubernetes.io/name'),
    'metadata.labels[app.kubernetes.io/name]',
  );
});
