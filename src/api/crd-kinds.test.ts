import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import { applyDefaults } from './apply-defaults.ts';
import { conform } from './conform.ts';
import { crdKinds } from './crd-kinds.ts';
import { crdSchema } from './crd-schema.ts';
import { aggregatedDiscovery } from './discovery.ts';
import { parseFieldSelector } from './field-selector.ts';
import { isJsonObject } from './json.ts';
import { createKindTable } from './kinds.ts';
import { OpenApiDocuments } from './openapi-v3.ts';
import type { CustomResourceDefinition } from './types.generated.ts';
import { validateSchema } from './validate-schema.ts';

const openAPIV3Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 10, description: 'How big.' },
        color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
        note: { type: 'string', nullable: true, pattern: '^[a-z]*$' },
        port: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        tags: { type: 'object', additionalProperties: { type: 'string' } },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, size: { type: 'integer', default: 1 } },
          },
        },
      },
    },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

const version = {
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema },
  subresources: { status: {} },
};
// The generated type of a schema has no names for its extensions as they are written in JSON.
const crd = {
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Foo', plural: 'foos', shortNames: ['fo'] },
    versions: [
      { ...version, selectableFields: [{ jsonPath: '.spec.color' }] },
      { ...version, name: 'v1beta1', storage: false },
      { ...version, name: 'v1alpha1', served: false, storage: false },
    ],
  },
} as unknown as CustomResourceDefinition;

function tableWithFoo() {
  const table = createKindTable();
  const kinds = crdKinds(crd, table);
  for (const kind of kinds) table.add(kind);
  const [foo] = kinds;
  assert.ok(foo !== undefined);
  return { table, foo, kinds };
}

test('each served version becomes a kind', () => {
  const { kinds, table } = tableWithFoo();
  assert.deepEqual(
    kinds.map((each) => [each.version, each.storageVersion, each.listKind, each.singular]),
    [
      ['v1', 'v1', 'FooList', 'foo'],
      ['v1beta1', 'v1', 'FooList', 'foo'],
    ],
  );
  assert.match(
    JSON.stringify(aggregatedDiscovery(table, 'apis')),
    /"resource":"foos".*"subresource":"status"/,
  );
});

test('a custom object is pruned, defaulted and validated by the same walks', () => {
  const { foo } = tableWithFoo();
  const object = {
    apiVersion: 'example.com/v1',
    kind: 'Foo',
    metadata: { name: 'a', unknown: 1 },
    spec: {
      note: null,
      port: '80',
      free: { any: [1] },
      tags: { a: 'b' },
      parts: [{ name: 'x' }],
      extra: true,
    },
  };
  const { value, unknown, wrong } = conform(foo.schema, object);
  assert.deepEqual({ unknown, wrong }, { unknown: ['metadata.unknown', 'spec.extra'], wrong: [] });
  const filled = applyDefaults(foo.schema, value);
  assert.ok(isJsonObject(filled));
  assert.deepEqual(filled.spec, {
    note: null,
    port: '80',
    free: { any: [1] },
    tags: { a: 'b' },
    parts: [{ name: 'x', size: 1 }],
    color: 'red',
  });
  const details = validateSchema(foo.schema, filled);
  assert.deepEqual(
    details.map(({ field, reason }) => [field, reason]),
    [['spec.size', 'FieldValueRequired']],
  );
});

test('bounds, enums and list keys are held', () => {
  const { foo } = tableWithFoo();
  const spec = { size: 11, color: 'green', note: 'A', parts: [{ name: 'x' }, { name: 'x' }] };
  const details = validateSchema(foo.schema, { spec });
  assert.deepEqual(
    details.map(({ field, reason }) => [field, reason]),
    [
      ['spec.size', 'FieldValueInvalid'],
      ['spec.color', 'FieldValueNotSupported'],
      ['spec.note', 'FieldValueInvalid'],
      ['spec.parts[1].name', 'FieldValueDuplicate'],
    ],
  );
});

test('a CRD may name fields to select by', () => {
  const { kinds } = tableWithFoo();
  const [v1, beta] = kinds;
  assert.ok(v1 !== undefined && beta !== undefined);
  assert.equal(parseFieldSelector(v1, 'spec.color=red')[0]?.value, 'red');
  assert.throws(
    () => parseFieldSelector(beta, 'spec.color=red'),
    (error) => isCode(error, 'BadRequest'),
  );
});

test('the OpenAPI document changes its hash when the kind does, and goes with it', () => {
  const { table, foo } = tableWithFoo();
  const documents = new OpenApiDocuments(table);
  const before = documents.get('example.com', 'v1');
  assert.ok(before !== undefined);
  assert.equal(documents.get('example.com', 'v1'), before, 'made once');
  const { components, paths } = JSON.parse(before.json.toString());
  const schema = components.schemas['com.example.v1.Foo'];
  assert.deepEqual(schema['x-kubernetes-group-version-kind'], [
    { group: 'example.com', version: 'v1', kind: 'Foo' },
  ]);
  assert.equal(schema.properties.spec.properties.size.description, 'How big.');
  const patch = paths['/apis/example.com/v1/namespaces/{namespace}/foos/{name}'].patch;
  assert.ok(!Object.keys(patch.requestBody.content).includes('application/strategic-merge-patch+json'));
  table.add({ ...foo, schema: { ...foo.schema, required: ['spec'] } });
  assert.notEqual(documents.get('example.com', 'v1')?.hash, before.hash);
  table.remove('example.com', 'v1', 'foos');
  assert.equal(documents.get('example.com', 'v1'), undefined);
});

const refused: ReadonlyArray<[string, unknown, string]> = [
  ['nothing', undefined, 's'],
  ['no object at the root', { type: 'string' }, 's.type'],
  ['no type', { type: 'object', properties: { a: {} } }, 's.properties.a.type'],
  [
    'a map list without keys',
    {
      type: 'object',
      properties: { a: { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'string' } } },
    },
    's.properties.a.x-kubernetes-list-map-keys',
  ],
  [
    'a pattern that is none',
    { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
    's.properties.a.pattern',
  ],
  ['a list without items', { type: 'object', properties: { a: { type: 'array' } } }, 's.properties.a.items'],
];
for (const [name, source, field] of refused) {
  test(`a schema with ${name} is refused`, () => {
    assert.throws(
      () => crdSchema(source, 's'),
      (error) => isCode(error, 'Invalid') && error.details[0]?.field === field,
    );
  });
}
