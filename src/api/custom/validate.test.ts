import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedFaults } from './embedded.ts';
import { listTypeFaults } from './list-types.ts';
import { readNode } from './node.ts';
import { validateNode } from './validate.ts';

const text = { type: 'string' };
const integer = { type: 'integer' };

function object(properties: object, more: object = {}) {
  return { type: 'object', properties, ...more };
}

/** The schema of `x` in an object, a value of it, and what is said against it. */
const TABLE: readonly [what: string, schema: object, value: unknown, ...expected: string[]][] = [
  [
    'a maximum',
    { ...integer, maximum: 10 },
    100,
    'x: Invalid value: 100: x in body should be less than or equal to 10',
  ],
  ['the maximum itself', { ...integer, maximum: 10 }, 10],
  [
    'an exclusive maximum',
    { ...integer, maximum: 10, exclusiveMaximum: true },
    10,
    'x: Invalid value: 10: x in body should be less than 10',
  ],
  [
    'a minimum',
    { ...integer, minimum: 1 },
    0,
    'x: Invalid value: 0: x in body should be greater than or equal to 1',
  ],
  [
    'an exclusive minimum',
    { type: 'number', minimum: 1, exclusiveMinimum: true },
    1,
    'x: Invalid value: 1: x in body should be greater than 1',
  ],
  ['a multiple', { type: 'number', multipleOf: 0.1 }, 0.3],
  [
    'no multiple',
    { ...integer, multipleOf: 5 },
    7,
    'x: Invalid value: 7: x in body should be a multiple of 5',
  ],
  ['another type', integer, 'a', 'x: Invalid value: "string": x in body must be of type integer: "string"'],
  ['a fraction', integer, 1.5, 'x: Invalid value: "number": x in body must be of type integer: "number"'],
  ['a whole number as a number', { type: 'number' }, 2],
  [
    'another type than a format',
    { ...text, format: 'date' },
    5,
    'x: Invalid value: "int64": x in body must be of type date: "int64"',
  ],
  ['null', text, null, 'x: Invalid value: "null": x in body must be of type string: "null"'],
  ['null that may be', { ...text, nullable: true }, null],
  ['int-or-string: a number', { 'x-kubernetes-int-or-string': true }, 5],
  ['int-or-string: a text', { 'x-kubernetes-int-or-string': true }, '5%'],
  [
    'int-or-string: neither',
    { 'x-kubernetes-int-or-string': true },
    true,
    'x: Invalid value: "boolean": x in body must be of type integer,string: "boolean"',
  ],
  [
    'a value outside of the enum',
    { ...text, enum: ['b', 'a'] },
    'c',
    'x: Unsupported value: "c": supported values: "b", "a"',
  ],
  [
    'an enum of numbers',
    { ...integer, enum: [1, 2] },
    3,
    'x: Unsupported value: 3: supported values: "1", "2"',
  ],
  [
    'null and an enum',
    { ...text, nullable: true, enum: ['a'] },
    null,
    'x: Unsupported value: null: supported values: "a"',
  ],
  ['too long', { ...text, maxLength: 2 }, 'abc', 'x: Too long: may not be more than 2 bytes'],
  ['length in characters', { ...text, maxLength: 2 }, '😀😀'],
  [
    'too short',
    { ...text, minLength: 2 },
    'a',
    'x: Invalid value: "a": x in body should be at least 2 chars long',
  ],
  ['a pattern', { ...text, pattern: '^a+$' }, 'b', 'x: Invalid value: "b": x in body should match \'^a+$\''],
  [
    'a format',
    { ...text, format: 'ipv4' },
    '1.2.3',
    'x: Invalid value: "1.2.3": x in body must be of type ipv4: "1.2.3"',
  ],
  ['an unknown format', { ...text, format: 'moon-phase' }, 'new'],
  [
    'int32',
    { ...integer, format: 'int32' },
    2 ** 31,
    '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in x',
  ],
  [
    'too few items',
    { type: 'array', minItems: 1, items: text },
    [],
    'x: Invalid value: 0: x in body should have at least 1 items',
  ],
  [
    'too many items',
    { type: 'array', maxItems: 1, items: text },
    ['a', 'b'],
    'x: Too many: 2: must have at most 1 item',
  ],
  [
    'too few members',
    { type: 'object', minProperties: 1, additionalProperties: text },
    {},
    'x: Invalid value: 0: x in body should have at least 1 properties',
  ],
  [
    'too many members',
    { type: 'object', maxProperties: 1, additionalProperties: text },
    { a: '', b: '' },
    'x: Too many: 2: must have at most 1 item',
  ],
  [
    'an item',
    { type: 'array', items: integer },
    [1, 'a'],
    'x[1]: Invalid value: "string": x[1] in body must be of type integer: "string"',
  ],
  [
    'a member of a map',
    { type: 'object', additionalProperties: integer },
    { 'a.b': 'c' },
    'x.a.b: Invalid value: "string": x.a.b in body must be of type integer: "string"',
  ],
  ['what is required', object({ a: text }, { required: ['a', 'b'] }), { a: '' }, 'x.b: Required value'],
  [
    'a required member that is inherited',
    object({}, { required: ['constructor'] }),
    {},
    'x.constructor: Required value',
  ],
  [
    'anyOf: none',
    { ...integer, anyOf: [{ maximum: 1 }, { minimum: 9 }] },
    5,
    '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)',
    'x: Invalid value: 5: x in body should be less than or equal to 1',
  ],
  ['anyOf: one', { ...integer, anyOf: [{ maximum: 1 }, { minimum: 9 }] }, 10],
  [
    'oneOf: none',
    object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    {},
    '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid',
    'x.a: Required value',
  ],
  [
    'oneOf: two',
    object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    { a: '', b: '' },
    '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [
    'allOf',
    { ...integer, allOf: [{ maximum: 1 }, { minimum: 0 }] },
    5,
    'x: Invalid value: 5: x in body should be less than or equal to 1',
    '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
  ],
  [
    'not',
    { ...integer, not: { maximum: 1 } },
    0,
    '<nil>: Invalid value: "": "x" must not validate the schema (not)',
  ],
];
for (const [what, schema, value, ...expected] of TABLE)
  test(`a schema against a value: ${what}`, () => {
    const faults = validateNode(readNode(object({ x: schema })), { x: value });
    assert.deepEqual(
      faults.map(({ field, message }) => `${field}: ${message}`),
      expected,
    );
  });

const SPEC = readNode(
  object({
    spec: object({
      size: { ...integer, maximum: 10 },
      list: { type: 'array', items: { ...integer, maximum: 10 } },
      parts: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: object({ name: text, size: { ...integer, maximum: 10 } }, { required: ['name'] }),
      },
      one: object({ a: integer, b: integer }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    }),
  }),
);

function fieldsOf(value: unknown, old?: unknown): string[] {
  const faults = old === undefined ? validateNode(SPEC, value) : validateNode(SPEC, value, old);
  return faults.map(({ field }) => field);
}

test('what did not change is forgiven', () => {
  const old = { spec: { size: 99, list: [99], parts: [{ name: 'a', size: 99 }], one: {} } };
  assert.deepEqual(fieldsOf(old), ['spec.size', 'spec.list[0]', 'spec.parts[0].size', '<nil>', 'spec.one.a']);
  assert.deepEqual(fieldsOf({ ...old, status: {} }, old), []);
  assert.deepEqual(fieldsOf({ spec: { ...old.spec, size: 98 } }, old), ['spec.size']);
  // Items of a plain list are not followed; those of a keyed one are.
  assert.deepEqual(fieldsOf({ spec: { ...old.spec, list: [99, 1] } }, old), ['spec.list[0]']);
  const parts = [
    { name: 'b', size: 1 },
    { name: 'a', size: 99 },
  ];
  assert.deepEqual(fieldsOf({ spec: { ...old.spec, parts } }, old), []);
  assert.deepEqual(fieldsOf({ spec: { ...old.spec, one: { a: 1, b: 1 } } }, old), ['<nil>']);
});

test('there is an end to faults', () => {
  const list = Array.from({ length: 100_000 }, () => 11);
  const started = performance.now();
  assert.equal(fieldsOf({ spec: { list } }).length, 1000);
  assert.ok(performance.now() - started < 2000);
});

test('a pattern that takes others for ever takes no time', () => {
  const node = readNode(object({ x: { ...text, pattern: '^(a+)+$' } }));
  const started = performance.now();
  assert.equal(validateNode(node, { x: `${'a'.repeat(5000)}!` }).length, 1);
  assert.ok(performance.now() - started < 2000);
});

test('what patterns may take for one object is bounded', () => {
  const node = readNode(object({ list: { type: 'array', items: { ...text, pattern: 'x{900}' } } }));
  const list = ['x'.repeat(900), 'a'.repeat(200_000), 'x'.repeat(900)];
  assert.deepEqual(
    validateNode(node, { list }).map(({ field, message }) => `${field}: ${message}`),
    ['list[1]', 'list[2]'].map(
      (field) =>
        `${field}: Invalid value: "": ${field} in body takes too long to be matched against 'x{900}'`,
    ),
  );
});

test('lists that are sets or maps hold nothing twice', () => {
  const node = readNode(
    object({
      set: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
      map: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['port', 'protocol'],
        items: object({ port: integer, protocol: { ...text, default: 'TCP' } }),
      },
      deep: {
        type: 'object',
        additionalProperties: { type: 'array', 'x-kubernetes-list-type': 'set', items: integer },
      },
    }),
  );
  const value = {
    set: ['a', 'b', 'a', 'a'],
    map: [
      { port: 1, protocol: 'UDP' },
      { port: 1, protocol: 'TCP' },
      { protocol: 'UDP', port: 1 },
    ],
    deep: { 'a/b': [1, 1] },
  };
  assert.deepEqual(
    listTypeFaults(node, value).map(({ field, message }) => `${field}: ${message}`),
    [
      'set[2]: Duplicate value: "a"',
      'map[2]: Duplicate value: {"port":1,"protocol":"UDP"}',
      'deep[a/b][1]: Duplicate value: 1',
    ],
  );
  assert.equal(listTypeFaults(node, { map: [{ port: 1 }, 5] })[0]?.field, 'map[1]');
});

test('an embedded resource has a type and metadata that can be', () => {
  const node = readNode(
    object({
      template: {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
      },
    }),
  );
  const faults = (template: unknown) =>
    embeddedFaults(node, { template }).map(({ field, message }) => `${field}: ${message}`);
  assert.deepEqual(faults({}), ['template.apiVersion: Required value', 'template.kind: Required value']);
  assert.deepEqual(faults({ apiVersion: 'a/b/c', kind: '', metadata: { labels: { 'a b': 'c' } } }).length, 3);
  assert.deepEqual(faults({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, any: 1 }), []);
});
