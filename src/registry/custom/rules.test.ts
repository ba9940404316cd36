import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNode } from '../../api/custom/node.ts';
import { createRuleCheck } from './check-rules.ts';
import { ruleTreeFaults } from './definition-rules.ts';

interface Rule {
  readonly rule: string;
  readonly [key: string]: unknown;
}

function rules(...all: (Rule | string)[]) {
  return {
    'x-kubernetes-validations': all.map((one) => (typeof one === 'string' ? { rule: one } : one)),
  };
}

const integer = { type: 'integer' };
const string = { type: 'string' };

function object(properties: object, more: object = {}) {
  return { type: 'object', properties, ...more };
}

/** `field: message` of each fault. */
function faults(schema: object, value: unknown, old?: unknown): string[] {
  const check = createRuleCheck(readNode(schema), true);
  assert.ok(check !== undefined);
  return check(value, old).map(({ field, message }) => `${field}: ${message}`);
}

function specOf(spec: object) {
  return object({ spec });
}

const SIZES = object(
  { min: integer, max: integer },
  rules({ rule: 'self.min <= self.max', message: 'min is above max' }),
);

const TABLE: readonly [what: string, schema: object, value: unknown, expected: string[]][] = [
  ['a rule that holds', specOf(SIZES), { spec: { min: 1, max: 2 } }, []],
  [
    'a rule that does not',
    specOf(SIZES),
    { spec: { min: 3, max: 2 } },
    ['spec: Invalid value: min is above max'],
  ],
  [
    'a rule without a message',
    specOf({ ...integer, ...rules('self > 1') }),
    { spec: 1 },
    ['spec: Invalid value: 1: failed rule: self > 1'],
  ],
  [
    'what is missing',
    specOf(SIZES),
    { spec: { min: 3 } },
    ['spec: Invalid value: "object": no such key: max evaluating rule: min is above max'],
  ],
  [
    'a message that is computed',
    specOf({ ...string, ...rules({ rule: "self == 'a'", messageExpression: "'not ' + self" }) }),
    { spec: 'b' },
    ['spec: Invalid value: "b": not b'],
  ],
  [
    'a computed message with two lines',
    specOf({ ...string, ...rules({ rule: 'false', message: 'no', messageExpression: "'a\\nb'" }) }),
    { spec: 'b' },
    ['spec: Invalid value: "b": no'],
  ],
  [
    'a reason and a path',
    specOf(
      object(
        { a: object({ b: string }) },
        rules({ rule: 'false', message: 'needed', reason: 'FieldValueRequired', fieldPath: '.a.b' }),
      ),
    ),
    { spec: { a: {} } },
    ['spec.a.b: Required value: needed'],
  ],
  [
    'a rule at the root reads metadata',
    object({ spec: integer }, rules({ rule: "self.metadata.name.startsWith('x')", message: 'name' })),
    { apiVersion: 'a/v1', kind: 'A', metadata: { name: 'y' }, spec: 1 },
    ['<nil>: Invalid value: name'],
  ],
  [
    'items and members',
    object({
      list: { type: 'array', items: { ...integer, ...rules('self > 1') } },
      map: { type: 'object', additionalProperties: { ...integer, ...rules('self > 1') } },
    }),
    { list: [2, 1], map: { ok: 2, 'a.b': 1 } },
    ['list[1]: Invalid value: 1: failed rule: self > 1', 'map[a.b]: Invalid value: 1: failed rule: self > 1'],
  ],
  ['null is not looked at', specOf({ ...integer, nullable: true, ...rules('false') }), { spec: null }, []],
];
for (const [what, schema, value, expected] of TABLE)
  test(`rules: ${what}`, () => assert.deepEqual(faults(schema, value), expected));

const COUNTER = specOf({ ...integer, ...rules('self >= oldSelf') });

test('a transition needs an old value', () => {
  assert.deepEqual(faults(COUNTER, { spec: 1 }), []);
  assert.deepEqual(faults(COUNTER, { spec: 1 }, {}), []);
  assert.deepEqual(faults(COUNTER, { spec: 2 }, { spec: 1 }), []);
  const back = ['spec: Invalid value: 1: failed rule: self >= oldSelf'];
  assert.deepEqual(faults(COUNTER, { spec: 1 }, { spec: 2 }), back);
});

test('an optional old value may be missing', () => {
  const schema = specOf({
    ...integer,
    ...rules({ rule: 'oldSelf.hasValue() ? self >= oldSelf.value() : self == 0', optionalOldSelf: true }),
  });
  assert.deepEqual(faults(schema, { spec: 0 }), []);
  assert.equal(faults(schema, { spec: 1 }).length, 1);
  assert.deepEqual(faults(schema, { spec: 5 }, { spec: 4 }), []);
  assert.equal(faults(schema, { spec: 3 }, { spec: 4 }).length, 1);
});

test('items of a list of type map are followed by their keys', () => {
  const schema = object({
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: object({ name: string, size: { ...integer, ...rules('self >= oldSelf') } }),
    },
  });
  const old = {
    parts: [
      { name: 'a', size: 1 },
      { name: 'b', size: 5 },
    ],
  };
  const moved = {
    parts: [
      { name: 'b', size: 5 },
      { name: 'new', size: 0 },
      { name: 'a', size: 2 },
    ],
  };
  assert.deepEqual(faults(schema, moved, old), []);
  assert.deepEqual(faults(schema, { parts: [{ name: 'b', size: 4 }] }, old), [
    'parts[0].size: Invalid value: 4: failed rule: self >= oldSelf',
  ]);
});

test('what did not change is forgiven, a transition is not', () => {
  const old = { spec: { min: 3, max: 2 } };
  assert.deepEqual(faults(specOf(SIZES), { spec: { min: 3, max: 2 }, more: 1 }, old), []);
  assert.equal(faults(specOf(SIZES), { spec: { min: 4, max: 2 } }, old).length, 1);
  assert.equal(
    faults(specOf({ ...integer, ...rules('self > oldSelf') }), { spec: 1 }, { spec: 1 }).length,
    1,
  );
});

test('an item of a plain list is forgiven with the whole list only', () => {
  const schema = object({ list: { type: 'array', items: { ...integer, ...rules('self > 1') } } });
  assert.deepEqual(faults(schema, { list: [0] }, { list: [0] }), []);
  assert.equal(faults(schema, { list: [0, 5] }, { list: [0] }).length, 1);
});

test('a rule cannot stall the server', () => {
  const item = object({ list: { type: 'array', items: string } });
  const schema = specOf({
    ...item,
    ...rules('self.list.all(a, self.list.all(b, self.list.all(c, a + b + c != "")))'),
  });
  const list = Array.from({ length: 2000 }, (_, at) => `item ${at}`);
  const started = performance.now();
  assert.match(faults(schema, { spec: { list } })[0] ?? '', /call cost exceeds limit for rule/);
  assert.ok(performance.now() - started < 2000);
});

function definitionFaults(schema: object): string[] {
  return ruleTreeFaults(readNode(schema), 's').map(({ field, message }) => `${field}: ${message}`);
}

test('a CRD may hold what compiles and is bounded', () => {
  assert.deepEqual(definitionFaults(specOf(SIZES)), []);
  assert.deepEqual(definitionFaults(COUNTER), []);
});

const REFUSED: readonly [what: string, schema: object, field: string, why: RegExp][] = [
  [
    'an unknown field',
    specOf({ ...SIZES, ...rules('self.x > 1') }),
    's.properties[spec].x-kubernetes-validations[0].rule',
    /compilation failed: ERROR: <input>:1:5: undefined field 'x'/,
  ],
  [
    'a rule that is no condition',
    specOf({ ...integer, ...rules('self + 1') }),
    's.properties[spec].x-kubernetes-validations[0].rule',
    /must evaluate to bool/,
  ],
  [
    'a message that is no text',
    specOf({ ...integer, ...rules({ rule: 'true', messageExpression: '1' }) }),
    's.properties[spec].x-kubernetes-validations[0].messageExpression',
    /must evaluate to string/,
  ],
  [
    'oldSelf where items cannot be followed',
    object({ list: { type: 'array', maxItems: 5, items: { ...integer, ...rules('self >= oldSelf') } } }),
    's.properties[list].items.x-kubernetes-validations[0].rule',
    /oldSelf cannot be used on the uncorrelatable portion of the schema within s\.properties\[list\]/,
  ],
  [
    'an optional oldSelf that is not used',
    specOf({ ...integer, ...rules({ rule: 'self > 1', optionalOldSelf: true }) }),
    's.properties[spec].x-kubernetes-validations[0].optionalOldSelf',
    /may not be set if oldSelf is not used in rule/,
  ],
  [
    'a rule that may take for ever',
    specOf({
      type: 'array',
      items: string,
      ...rules('self.all(a, self.all(b, a.contains(b)))'),
    }),
    's.properties[spec].x-kubernetes-validations[0].rule',
    /estimated rule cost exceeds budget by factor of more than 100x/,
  ],
];
for (const [what, schema, field, why] of REFUSED)
  test(`a CRD may not hold ${what}`, () => {
    const found = ruleTreeFaults(readNode(schema), 's');
    const fault = found.find((one) => one.field === field);
    assert.match(fault?.message ?? JSON.stringify(found), why);
  });
