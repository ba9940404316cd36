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

test('a set holds nothing twice', () => {
  const schema: Schema = { type: 'array', items: { type: 'string' }, listType: 'set', mapKeys: [] };
  assert.match(validateSchema(schema, ['a', 'a'])[0]?.message ?? '', /Duplicate value: "a"/);
});
