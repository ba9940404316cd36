import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { applyDefaults } from './apply-defaults.ts';
import { conform } from './conform.ts';
import { createKindTable } from './kinds.ts';
import { validateSchema } from './validate-schema.ts';

const GOLDEN = new URL('../../../shared/testdata/kubernetes-api/v1.36.0/', import.meta.url);
const skip = existsSync(GOLDEN) ? false : 'the golden objects (../shared/testdata) are not here';

/** What upstream keeps outside k8s.io/api, where the golden objects come from. */
const ELSEWHERE = ['apiextensions.k8s.io', 'apiregistration.k8s.io'];

function kindsWithGolden() {
  return createKindTable()
    .all()
    .filter(({ group }) => !ELSEWHERE.includes(group));
}

function golden(group: string, version: string, kind: string): unknown {
  const file = new URL(`${group === '' ? 'core' : group}.${version}.${kind}.json`, GOLDEN);
  return JSON.parse(readFileSync(file, 'utf8'));
}

test('conform knows every field of every golden object and returns it as it was', { skip }, () => {
  const kinds = kindsWithGolden();
  for (const { group, version, kind, schema } of kinds) {
    const object = golden(group, version, kind);
    const before = structuredClone(object);
    const { value, unknown, wrong } = conform(schema, object);
    assert.deepEqual({ unknown, wrong }, { unknown: [], wrong: [] }, `${group}/${version} ${kind}`);
    assert.deepEqual(value, before, `${group}/${version} ${kind}`);
    assert.deepEqual(object, before, 'conform changes nothing');
  }
  assert.ok(kinds.length >= 60);
});

test('the golden subresource bodies are known too', { skip }, () => {
  const table = createKindTable();
  for (const [group, version, kind] of [
    ['autoscaling', 'v1', 'Scale'],
    ['policy', 'v1', 'Eviction'],
    ['authentication.k8s.io', 'v1', 'TokenRequest'],
    ['', 'v1', 'Binding'],
  ] as const) {
    const schema = table.schemaOf(group === '' ? version : `${group}/${version}`, kind);
    assert.ok(schema !== undefined, kind);
    const object = golden(group, version, kind);
    assert.deepEqual(conform(schema, object), { value: object, unknown: [], wrong: [] });
  }
});

test('every golden object misses no required field', { skip }, () => {
  for (const { group, version, kind, schema } of kindsWithGolden()) {
    const details = validateSchema(schema, applyDefaults(schema, golden(group, version, kind)));
    const required = details.filter(({ reason }) => reason === 'FieldValueRequired');
    assert.deepEqual(required, [], `${group}/${version} ${kind}`);
  }
});
