import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectSchema, Schema } from '../api/schema.ts';
import { compileExpression, costFault } from './cel.ts';
import { CelBudget } from './meter.ts';
import { schemaType } from './schema-type.ts';
import { optionalOf, TYPES } from './types.ts';
import { NONE, Optional } from './values.ts';

function object(fields: Record<string, Schema>): ObjectSchema {
  return {
    type: 'object',
    name: '',
    fields: Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, { schema }])),
    required: [],
    preserveUnknown: false,
    atomic: false,
  };
}

const SCHEMA = object({
  replicas: { type: 'integer' },
  ratio: { type: 'number' },
  ratios: { type: 'array', items: { type: 'number' }, listType: 'atomic', mapKeys: [] },
  at: { type: 'string', format: 'date-time' },
  every: { type: 'string', format: 'duration' },
  key: { type: 'bytes' },
  port: { type: 'int-or-string' },
  names: {
    type: 'array',
    items: { type: 'string', bounds: { maxCount: 10 } },
    listType: 'set',
    mapKeys: [],
    bounds: { maxCount: 5 },
  },
  open: {
    type: 'array',
    items: { type: 'array', items: { type: 'string' }, listType: 'atomic', mapKeys: [] },
    listType: 'atomic',
    mapKeys: [],
  },
  labels: { type: 'map', values: { type: 'string' } },
  'a.b-c/d': { type: 'string' },
  namespace: { type: 'string' },
  under__score: { type: 'string' },
  inner: object({ x: { type: 'integer' } }),
  anything: { type: 'any' },
  anythings: { type: 'array', items: { type: 'any' }, listType: 'atomic', mapKeys: [] },
  gone: { type: 'string' },
  keyed: {
    type: 'array',
    items: object({
      k: { type: 'string' },
      v: { type: 'integer' },
      set: { type: 'array', items: { type: 'integer' }, listType: 'set', mapKeys: [] },
    }),
    listType: 'map',
    mapKeys: ['k'],
  },
});

const SELF = {
  replicas: 3,
  ratio: 2,
  ratios: [1, 2.5],
  at: '2024-01-01T00:00:00Z',
  every: '1h',
  key: 'AQI=',
  port: 80,
  names: ['a'],
  labels: { app: 'x' },
  'a.b-c/d': 'odd',
  namespace: 'ns',
  under__score: 'u',
  inner: { x: 1 },
  gone: null,
  keyed: [
    { k: 'a', v: 1, set: [1, 2] },
    { k: 'b', v: 2 },
  ],
};

const self = schemaType(SCHEMA);

function run(source: string, oldSelf: Optional = NONE): unknown {
  const program = compileExpression(source, { variables: { self, oldSelf: optionalOf(self) } });
  const { value, fault } = program.evaluate({ self: SELF, oldSelf }, new CelBudget());
  return fault ?? value;
}

const TRUE = [
  'self.replicas + 1 == 4',
  'self.ratio / 4.0 == 0.5',
  'type(self.ratio) == double',
  'self.ratios.all(r, r >= 1.0) && type(self.ratios[0]) == double',
  "self.at < timestamp('2024-01-02T00:00:00Z')",
  "self.every == duration('60m')",
  'self.key.size() == 2',
  'type(self.port) == int && self.port == 80',
  "self.__namespace__ == 'ns'",
  "self.a__dot__b__dash__c__slash__d == 'odd'",
  "self.under__underscores__score == 'u'",
  "self.labels.app == 'x' && self.labels.all(k, v, k != v)",
  'self == self && self.inner == self.inner',
  '!oldSelf.hasValue() || oldSelf.value().replicas == self.replicas',
  'oldSelf.?replicas.orValue(3) == self.replicas',
  'has(self.inner.x) && !has(self.open)',
  // Null is absent.
  "!has(self.gone) && self.?gone.orValue('z') == 'z'",
  // The order of sets, and of lists whose items have keys, does not count.
  "self.names == ['a'] && self.names + ['a', 'b'] == ['b', 'a'] && (self.names + ['b', 'a']).size() == 2",
  'self.keyed == self.keyed && self.ratios != [2.5, 1.0]',
  "(self.keyed + dyn([{'k': dyn('a'), 'v': 9}]))[0].v == 9 && (self.keyed + dyn([{'k': 'c'}])).size() == 3",
];

for (const source of TRUE) test(source, () => assert.equal(run(source), true));

test('an optional that has a value', () => {
  assert.equal(run('oldSelf.value().replicas', new Optional({ replicas: 5 })), 5);
  assert.equal(run('oldSelf.?inner.x.orValue(0)', new Optional({ inner: { x: 9 } })), 9);
});

test('what is compared with its old value is compared by its schema', () => {
  const program = compileExpression('self == oldSelf', { variables: { self, oldSelf: self } });
  const same = (oldSelf: unknown) => program.evaluate({ self: SELF, oldSelf }, new CelBudget()).value;
  const [first, second] = SELF.keyed;
  assert.equal(same(structuredClone(SELF)), true);
  assert.equal(same({ ...SELF, keyed: [second, { ...first, set: [2, 1] }] }), true);
  assert.equal(same({ ...SELF, keyed: [second, { ...first, set: [2, 3] }] }), false);
  assert.equal(same({ ...SELF, keyed: [second, { ...second, k: 'c' }] }), false);
  assert.equal(same({ ...SELF, ratios: [2.5, 1] }), false);
});

test('fields a schema does not have and types it does not allow are refused', () => {
  assert.throws(
    () => run('self.nope > 1'),
    /<input>:1:5: undefined field 'nope'\n \| self\.nope > 1\n \| \.\.\.\.\^/,
  );
  assert.throws(() => run('self.namespace'), /undefined field 'namespace'/);
  assert.throws(
    () => run("self.replicas == 'a'"),
    /found no matching overload for '_==_' applied to '\(int, string\)'/,
  );
  assert.throws(() => run('has(self.anything)'), /undefined field 'anything'/);
  assert.throws(() => run('self.anythings.size() == 0'), /undefined field 'anythings'/);
  assert.throws(() => run('self.constructor'), /undefined field 'constructor'/);
  assert.throws(() => run("self['replicas']"), /no matching overload/);
});

test('a result of another type is refused', () => {
  const variables = { self };
  assert.throws(
    () => compileExpression('self.replicas', { variables, returns: [TYPES.bool] }),
    /must evaluate to bool/,
  );
  compileExpression('self.port', { variables, returns: [TYPES.bool] });
});

test('an empty list takes the type and the size of what it stands in for', () => {
  const program = compileExpression("(has(self.names) ? self.names : []).exists(n, n.contains('/'))", {
    variables: { self },
  });
  assert.equal(costFault(program, 1), undefined);
  assert.throws(() => run('(has(self.names) ? self.names : []).exists(n, n > 1)'), /no matching overload/);
});

test('what may cost too much is told from the sizes in the schema', () => {
  const cost = (source: string) => compileExpression(source, { variables: { self } });
  assert.equal(costFault(cost("self.names.all(n, n.contains('x'))"), 1), undefined);
  assert.match(
    costFault(cost('self.open.all(a, self.open.all(b, a.all(s, b.all(t, s.contains(t)))))'), 1) ?? '',
    /estimated rule cost exceeds budget by factor of more than 100x/,
  );
  assert.match(
    costFault(cost("self.names.all(n, n.contains('x'))"), 1_000_000) ?? '',
    /exceeds budget by factor/,
  );
});
