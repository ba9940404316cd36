import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conform, strictDecodingError } from './conform.ts';
import { createKindTable } from './kinds.ts';
import type { ObjectSchema } from './schema.ts';

function schemaOf(apiVersion: string, kind: string): ObjectSchema {
  const schema = createKindTable().schemaOf(apiVersion, kind);
  assert.ok(schema !== undefined);
  return schema;
}

const pod = schemaOf('v1', 'Pod');

test('unknown fields are dropped and named by path', () => {
  const object = { spec: { containers: [{ name: 'a', imagee: 'x' }], foo: 1 }, extra: {} };
  const { value, unknown, wrong } = conform(pod, object);
  assert.deepEqual(value, { spec: { containers: [{ name: 'a' }] } });
  assert.deepEqual(unknown, ['spec.containers[0].imagee', 'spec.foo', 'extra']);
  assert.deepEqual(wrong, []);
  assert.equal(strictDecodingError(['spec.foo']), 'strict decoding error: unknown field "spec.foo"');
});

const wrongTypes: ReadonlyArray<[string, unknown, string, RegExp]> = [
  [
    'string for int',
    { spec: { priority: 'high' } },
    'spec.priority',
    /string into field spec\.priority of type int32/,
  ],
  ['fraction for int', { spec: { priority: 1.5 } }, 'spec.priority', /number 1\.5/],
  ['beyond int32', { spec: { priority: 2 ** 31 } }, 'spec.priority', /int32/],
  ['list for object', { spec: [] }, 'spec', /array into field spec of type object/],
  ['object for list', { spec: { containers: {} } }, 'spec.containers', /object into field/],
  ['number for string', { metadata: { labels: { a: 1 } } }, 'metadata.labels.a', /number 1 into/],
  ['bad quantity', { spec: { overhead: { cpu: '1x' } } }, 'spec.overhead.cpu', /suffix/],
  [
    'bad time',
    { metadata: { creationTimestamp: 'yesterday' } },
    'metadata.creationTimestamp',
    /parsing time/,
  ],
];
for (const [name, object, field, message] of wrongTypes) {
  test(`a wrong type is named: ${name}`, () => {
    const { wrong } = conform(pod, object);
    assert.equal(wrong[0]?.field, field);
    assert.match(wrong[0]?.message ?? '', message);
    assert.equal(wrong.length, 1);
  });
}

test('null means missing, and the zero value in lists and maps', () => {
  const { value } = conform(pod, {
    metadata: { creationTimestamp: null, labels: { a: null } },
    spec: { containers: [{ name: 'a', args: ['x', null] }], volumes: null },
  });
  assert.deepEqual(value, {
    metadata: { labels: { a: '' } },
    spec: { containers: [{ name: 'a', args: ['x', ''] }] },
  });
});

test('quantities, times and base64 take their canonical form', () => {
  const { value } = conform(pod, {
    metadata: { creationTimestamp: '2026-01-01T02:00:00.5+02:00' },
    spec: { overhead: { cpu: 0.5, memory: '1024Mi' } },
  });
  assert.deepEqual(value, {
    metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { overhead: { cpu: '500m', memory: '1Gi' } },
  });
  const secret = schemaOf('v1', 'Secret');
  assert.deepEqual(conform(secret, { data: { a: 'aGk=' } }).wrong, []);
  assert.equal(conform(secret, { data: { a: 'a_k=' } }).wrong[0]?.field, 'data.a');
  assert.equal(conform(secret, { data: { a: 'not base64!' } }).wrong[0]?.field, 'data.a');
});

test('micro times keep six digits', () => {
  const lease = schemaOf('coordination.k8s.io/v1', 'Lease');
  assert.deepEqual(conform(lease, { spec: { renewTime: '2026-01-01T00:00:00.123Z' } }).value, {
    spec: { renewTime: '2026-01-01T00:00:00.123000Z' },
  });
});

test('a label called __proto__ stays a label and pollutes nothing', () => {
  const { value } = conform(pod, JSON.parse('{"metadata":{"labels":{"__proto__":"x"}}}'));
  assert.equal(JSON.stringify(value), '{"metadata":{"labels":{"__proto__":"x"}}}');
});
