import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customDefaults } from './defaults.ts';
import { readNode } from './node.ts';
import { prune } from './prune.ts';

const text = { type: 'string' };
const META = {
  type: 'object',
  name: 'meta',
  fields: {
    name: { schema: { type: 'string' } },
    labels: { schema: { type: 'map', values: { type: 'string' } } },
  },
  required: [],
  preserveUnknown: false,
  atomic: false,
} as const;

function object(properties: object, more: object = {}) {
  return { type: 'object', properties, ...more };
}
const keeps = { 'x-kubernetes-preserve-unknown-fields': true };

function pruned(schema: object, x: unknown) {
  const { value, unknown } = prune(readNode(object({ x: schema })), { x }, META);
  return { x: value.x, unknown };
}

const TABLE: readonly [what: string, schema: object, given: unknown, kept: unknown, unknown: string[]][] = [
  ['an unknown field', object({ a: text }), { a: '', b: 1 }, { a: '' }, ['x.b']],
  ['inherited names', object({}), { constructor: 1, toString: 2 }, {}, ['x.constructor', 'x.toString']],
  [
    'a field of an item',
    { type: 'array', items: object({ a: text }) },
    [{ a: '' }, { a: '', c: 1 }],
    [{ a: '' }, { a: '' }],
    ['x[1].c'],
  ],
  [
    'a map',
    { type: 'object', additionalProperties: object({ a: text }) },
    { k: { a: '', b: '' } },
    { k: { a: '' } },
    ['x.k.b'],
  ],
  [
    'a map of anything',
    { type: 'object', additionalProperties: true },
    { k: 1, l: { m: 1 } },
    { k: 1, l: {} },
    ['x.l.m'],
  ],
  ['what is to be kept', { type: 'object', ...keeps }, { a: { b: [null] } }, { a: { b: [null] } }, []],
  [
    'a known field of what is to be kept',
    object({ a: object({ b: text }) }, keeps),
    { a: { b: '', c: 1 }, d: { e: 1 } },
    { a: { b: '' }, d: { e: 1 } },
    ['x.a.c'],
  ],
  ['an object where there is none in the schema', text, { a: 1 }, {}, ['x.a']],
  ['int-or-string', { 'x-kubernetes-int-or-string': true }, 5, 5, []],
  ['null without a meaning', object({ a: text }), { a: null }, {}, []],
  ['null that may be', object({ a: { ...text, nullable: true } }), { a: null }, { a: null }, []],
  ['null that a default replaces', object({ a: { ...text, default: 'd' } }), { a: null }, { a: null }, []],
  [
    'metadata of an embedded resource',
    { type: 'object', 'x-kubernetes-embedded-resource': true, ...keeps },
    { apiVersion: 'v1', kind: 'A', metadata: { name: 'n', odd: 1 }, more: 1 },
    { apiVersion: 'v1', kind: 'A', metadata: { name: 'n' }, more: 1 },
    ['x.metadata.odd'],
  ],
];
for (const [what, schema, given, kept, unknown] of TABLE)
  test(`pruning: ${what}`, () => {
    const before = structuredClone(given);
    assert.deepEqual(pruned(schema, given), { x: kept, unknown });
    assert.deepEqual(given, before, 'what was given is as it was');
  });

test('what has nothing unknown is not copied', () => {
  const x = { a: { b: [{ c: '' }] } };
  const schema = object({ a: object({ b: { type: 'array', items: object({ c: text }) } }) });
  assert.equal(pruned(schema, x).x, x);
});

const DEFAULTS: readonly [what: string, schema: object, given: unknown, filled: unknown][] = [
  ['a missing field', object({ a: { ...text, default: 'd' } }), {}, { a: 'd' }],
  ['a field that is there', object({ a: { ...text, default: 'd' } }), { a: '' }, { a: '' }],
  ['null', object({ a: { ...text, default: 'd' } }), { a: null }, { a: 'd' }],
  ['null that may be', object({ a: { ...text, nullable: true, default: 'd' } }), { a: null }, { a: null }],
  ['only in objects that are there', object({ o: object({ a: { ...text, default: 'd' } }) }), {}, {}],
  [
    'in what a default brings',
    object({ o: object({ a: { ...text, default: 'd' } }, { default: {} }) }),
    {},
    { o: { a: 'd' } },
  ],
  [
    'in items and members',
    object({
      list: { type: 'array', items: object({ a: { ...text, default: 'd' } }) },
      map: { type: 'object', additionalProperties: object({ a: { ...text, default: 'd' } }) },
    }),
    { list: [{}, { a: 'x' }], map: { k: {} } },
    { list: [{ a: 'd' }, { a: 'x' }], map: { k: { a: 'd' } } },
  ],
];
for (const [what, schema, given, filled] of DEFAULTS)
  test(`defaults: ${what}`, () => {
    const before = structuredClone(given);
    assert.deepEqual(customDefaults(readNode(schema), given), filled);
    assert.deepEqual(given, before, 'what was given is as it was');
  });

test('a default is another one each time', () => {
  const node = readNode(object({ a: { type: 'object', ...keeps, default: { list: [] } } }));
  const first = customDefaults(node, {});
  assert.notEqual((first as { a: object }).a, (customDefaults(node, {}) as { a: object }).a);
});
