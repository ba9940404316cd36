import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIELD_FACTS } from './field-facts.ts';
import { isBuiltInGroup } from './group-priorities.ts';
import { apiVersionOf, type Kind, qualifiedResource } from './kind.ts';
import { createKindTable } from './kinds.ts';
import { RESOURCE_NAMES } from './names.ts';
import type { ObjectSchema, Schema } from './schema.ts';

function visit(schema: Schema, seen: Map<string, ObjectSchema>): void {
  if (schema.type === 'array') visit(schema.items, seen);
  if (schema.type === 'map') visit(schema.values, seen);
  if (schema.type !== 'object' || seen.has(schema.name)) return;
  seen.set(schema.name, schema);
  for (const field of Object.values(schema.fields)) visit(field.schema, seen);
}

test('every schema of every kind and list expands', () => {
  const table = createKindTable();
  const seen = new Map<string, ObjectSchema>();
  for (const kind of table.all()) {
    visit(kind.schema, seen);
    if (kind.verbs.includes('list')) {
      const list = table.schemaOf(apiVersionOf(kind), kind.listKind);
      assert.deepEqual(
        Object.keys(list?.fields ?? {}).sort(),
        ['apiVersion', 'items', 'kind', 'metadata'],
        kind.kind,
      );
    }
  }
  assert.ok(seen.size > 400);
});

test('the hand-written facts are about definitions, fields and resources that exist', () => {
  const table = createKindTable();
  const seen = new Map<string, ObjectSchema>();
  for (const kind of table.all()) visit(kind.schema, seen);
  const token = table.schemaOf('authentication.k8s.io/v1', 'TokenRequest');
  if (token !== undefined) visit(token, seen);
  for (const [name, fields] of Object.entries(FIELD_FACTS)) {
    const schema = seen.get(`io.k8s.api.${name}`) ?? seen.get(`io.k8s.${name}`);
    for (const field of Object.keys(fields))
      assert.ok(schema?.fields[field] !== undefined, `${name} ${field}`);
  }
  const resources = new Set(table.all().map(qualifiedResource));
  assert.deepEqual(
    Object.keys(RESOURCE_NAMES).filter((name) => !resources.has(name)),
    [],
  );
  for (const { group } of table.all()) assert.ok(isBuiltInGroup(group), `${group} has no priority`);
});

test('a pod is what clients expect', () => {
  const table = createKindTable();
  const pod = table.find('', 'v1', 'pods');
  assert.equal(pod, table.byKind('v1', 'Pod'));
  assert.deepEqual([pod?.namespaced, pod?.shortNames, pod?.categories], [true, ['po'], ['all']]);
  assert.deepEqual(pod?.subresources.find(({ name }) => name === 'exec')?.verbs, ['create', 'get']);
  const containers = pod?.schema.fields.spec?.schema;
  assert.ok(containers?.type === 'object');
  const list = containers.fields.containers?.schema;
  assert.ok(list?.type === 'array');
  assert.deepEqual(
    [list.listType, list.mapKeys, list.patchStrategy, list.mergeKey],
    ['map', ['name'], 'merge', 'name'],
  );
});

test('kinds of two versions say which one is stored', () => {
  const table = createKindTable();
  assert.equal(table.byKind('autoscaling/v1', 'HorizontalPodAutoscaler')?.storageVersion, 'v2');
  assert.equal(table.byKind('autoscaling/v2', 'HorizontalPodAutoscaler')?.storageVersion, 'v2');
  assert.equal(table.byKind('events.k8s.io/v1', 'Event')?.storageGroup, '');
});

test('kinds come, are replaced, and go', () => {
  const table = createKindTable();
  const model = table.byKind('v1', 'ConfigMap');
  assert.ok(model !== undefined);
  const foo: Kind = { ...model, group: 'example.com', kind: 'Foo', listKind: 'FooList', resource: 'foos' };
  const before = table.all().length;
  table.add(foo);
  table.add({ ...foo, kind: 'Fooo' });
  assert.equal(table.all().length, before + 1);
  assert.equal(table.byKind('example.com/v1', 'Foo'), undefined);
  assert.ok(table.schemaOf('example.com/v1', 'FooList')?.fields.items !== undefined);
  table.remove('example.com', 'v1', 'foos');
  assert.equal(table.byKind('example.com/v1', 'Fooo'), undefined);
  assert.equal(createKindTable().all().length, before, 'tables do not share what they hold');
});
