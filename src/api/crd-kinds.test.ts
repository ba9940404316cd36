import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import { crdKinds } from './crd-kinds.ts';
import { customDefaults } from './custom/defaults.ts';
import { listTypeFaults } from './custom/list-types.ts';
import { prune } from './custom/prune.ts';
import { validateNode } from './custom/validate.ts';
import { aggregatedDiscovery } from './discovery.ts';
import { parseFieldSelector } from './field-selector.ts';
import { isJsonObject } from './json.ts';
import { createKindTable } from './kinds.ts';
import { openApiV2 } from './openapi-v2.ts';
import { OpenApiDocuments } from './openapi-v3.ts';
import type { CustomResourceDefinition } from './types.generated.ts';

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
  const gone = new AbortController().signal;
  const kinds = crdKinds(crd, { table, since: 0, gone, compileRules: () => undefined });
  for (const kind of kinds) table.add(kind);
  const [foo] = kinds;
  assert.ok(foo?.custom !== undefined);
  return { table, foo, kinds, custom: foo.custom };
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

test('a custom object is pruned, defaulted and validated', () => {
  const { custom } = tableWithFoo();
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
  const { value, unknown, wrong } = prune(custom.root, object, custom.meta);
  assert.deepEqual({ unknown, wrong }, { unknown: ['metadata.unknown', 'spec.extra'], wrong: [] });
  const filled = customDefaults(custom.root, value);
  assert.ok(isJsonObject(filled));
  assert.deepEqual(filled.spec, {
    note: null,
    port: '80',
    free: { any: [1] },
    tags: { a: 'b' },
    parts: [{ name: 'x', size: 1 }],
    color: 'red',
  });
  const details = validateNode(custom.root, filled);
  assert.deepEqual(
    details.map(({ field, reason }) => [field, reason]),
    [['spec.size', 'FieldValueRequired']],
  );
});

test('bounds, enums and list keys are held', () => {
  const { custom } = tableWithFoo();
  const spec = { size: 11, color: 'green', note: 'A', parts: [{ name: 'x' }, { name: 'x' }] };
  const faults = [...validateNode(custom.root, { spec }), ...listTypeFaults(custom.root, { spec })];
  assert.deepEqual(
    faults.map(({ field, message }) => `${field}: ${message}`),
    [
      'spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10',
      'spec.color: Unsupported value: "green": supported values: "red", "blue"',
      `spec.note: Invalid value: "A": spec.note in body should match '^[a-z]*$'`,
      'spec.parts[1]: Duplicate value: {"name":"x"}',
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
  const { table, foo, custom } = tableWithFoo();
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
  const openApi = { ...custom.openApi, required: ['spec'] };
  table.add({ ...foo, custom: { ...custom, openApi } });
  assert.notEqual(documents.get('example.com', 'v1')?.hash, before.hash);
  table.remove('example.com', 'v1', 'foos');
  assert.equal(documents.get('example.com', 'v1'), undefined);
});

test('OpenAPI 2.0 says nothing of what may hold anything', () => {
  const { table } = tableWithFoo();
  const { definitions } = openApiV2(table) as {
    definitions: Record<string, { properties: Record<string, unknown> }>;
  };
  const { spec, status, metadata } = definitions['com.example.v1.Foo']?.properties ?? {};
  const { properties } = spec as { properties: Record<string, unknown> };
  assert.deepEqual(properties.note, { pattern: '^[a-z]*$' });
  assert.deepEqual(properties.free, { 'x-kubernetes-preserve-unknown-fields': true });
  assert.deepEqual(status, { 'x-kubernetes-preserve-unknown-fields': true });
  assert.deepEqual(metadata, { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' });
});
