import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from './kinds.ts';
import type { Schema } from './schema.ts';
import { validateSchema } from './validate-schema.ts';

const table = createKindTable();
const cases: ReadonlyArray<
  [name: string, apiVersion: string, kind: string, object: unknown, expected: string[]]
> = [
  ['no containers', 'v1', 'Pod', { spec: {} }, ['spec.containers FieldValueRequired Required value']],
  [
    'empty containers',
    'v1',
    'Pod',
    { spec: { containers: [] } },
    ['spec.containers FieldValueRequired Required value'],
  ],
  [
    'no name',
    'v1',
    'Pod',
    { spec: { containers: [{}] } },
    ['spec.containers[0].name FieldValueRequired Required value'],
  ],
  [
    'not in the enum',
    'v1',
    'Pod',
    { spec: { restartPolicy: 'Maybe', containers: [{ name: 'a' }] } },
    [
      'spec.restartPolicy FieldValueNotSupported Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"',
    ],
  ],
  [
    'duplicate names',
    'v1',
    'Pod',
    { spec: { containers: [{ name: 'a' }, { name: 'a' }] } },
    ['spec.containers[1].name FieldValueDuplicate Duplicate value: "a"'],
  ],
  [
    'duplicate env is allowed',
    'v1',
    'Pod',
    { spec: { containers: [{ name: 'a', env: [{ name: 'x' }, { name: 'x' }] }] } },
    [],
  ],
  [
    'status is not looked at',
    'v1',
    'Pod',
    { spec: { containers: [{ name: 'a' }] }, status: { containerStatuses: [{}] } },
    [],
  ],
  [
    'no selector, no template',
    'apps/v1',
    'Deployment',
    { spec: {} },
    ['spec.selector FieldValueRequired Required value', 'spec.template FieldValueRequired Required value'],
  ],
  ['null audiences', 'authentication.k8s.io/v1', 'TokenRequest', { spec: {} }, []],
];
for (const [name, apiVersion, kind, object, expected] of cases) {
  test(`${kind}: ${name}`, () => {
    const schema = table.schemaOf(apiVersion, kind);
    assert.ok(schema !== undefined);
    const found = validateSchema(schema, object).map(
      ({ field, reason, message }) => `${field} ${reason} ${message}`,
    );
    assert.deepEqual(found, expected);
  });
}

const bounded: ReadonlyArray<[Schema, unknown, RegExp | undefined]> = [
  [{ type: 'integer', bounds: { minimum: 1 } }, 0, /should be greater than or equal to 1/],
  [{ type: 'integer', bounds: { minimum: 1 } }, 1, undefined],
  [{ type: 'number', bounds: { maximum: 2, exclusiveMaximum: true } }, 2, /should be less than 2/],
  [{ type: 'integer', bounds: { multipleOf: 5 } }, 7, /multiple of 5/],
  [{ type: 'string', bounds: { pattern: '^a+$' } }, 'ab', /should match '\^a\+\$'/],
  [{ type: 'string', bounds: { pattern: '^(a+)+$' } }, `${'a'.repeat(50_000)}b`, /should match/],
  [{ type: 'string', bounds: { maxCount: 2 } }, 'äöü', /at most 2 chars long/],
  [{ type: 'string', bounds: { maxCount: 2 } }, '😀😀', undefined],
  [{ type: 'map', values: { type: 'any' }, bounds: { minCount: 1 } }, {}, /at least 1 properties/],
  [
    { type: 'array', items: { type: 'string' }, listType: 'set', mapKeys: [] },
    ['a', 'a'],
    /Duplicate value: "a"/,
  ],
];
for (const [schema, value, message] of bounded) {
  test(`${JSON.stringify(value).slice(0, 20)} in ${JSON.stringify(schema)}`, () => {
    const [detail] = validateSchema(schema, value);
    if (message === undefined) assert.equal(detail, undefined);
    else assert.match(detail?.message ?? '', message);
  });
}
