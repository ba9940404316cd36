import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import { createKindTable } from './kinds.ts';
import { openApiV2 } from './openapi-v2.ts';
import { encodeOpenApiV2 } from './openapi-v2-protobuf.ts';

interface Document {
  readonly paths: Record<string, Record<string, { parameters: object[]; responses: object }>>;
  readonly definitions: Record<string, Record<string, unknown> & { properties?: Record<string, object> }>;
}

const document = openApiV2(createKindTable());
const { paths, definitions } = document as unknown as Document;

test('every reference leads to a definition, and nothing of version 3 is left', () => {
  const json = JSON.stringify(document);
  for (const [, name = ''] of json.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g))
    assert.ok(definitions[name], name);
  for (const word of ['#/components', '"oneOf":[', '"anyOf":[', '"requestBody"', '"nullable":true'])
    assert.ok(!json.includes(word), word);
});

test('definitions say their kind, operations what they take and give', () => {
  const pod = definitions['io.k8s.api.core.v1.Pod'];
  assert.deepEqual(pod?.['x-kubernetes-group-version-kind'], [{ group: '', version: 'v1', kind: 'Pod' }]);
  assert.equal(
    (pod?.properties?.spec as { $ref?: string } | undefined)?.$ref,
    '#/definitions/io.k8s.api.core.v1.PodSpec',
  );
  const patch = paths['/api/v1/namespaces/{namespace}/pods/{name}']?.patch;
  const names = patch?.parameters.map((one) => (one as { name: string }).name);
  assert.ok(names?.includes('dryRun') && names.includes('fieldValidation') && names.includes('body'));
  assert.deepEqual(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity']?.type, 'string');
});

test('as protobuf it is a message whose every field can be walked', () => {
  const bytes = encodeOpenApiV2(document);
  const reader = protobuf.Reader.create(bytes);
  const seen = new Set<number>();
  let definitionsLength = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    seen.add(tag >>> 3);
    if (tag >>> 3 === 9) definitionsLength = reader.bytes().length;
    else reader.skipType(tag & 7);
  }
  assert.deepEqual([...seen], [1, 2, 8, 9]);
  assert.ok(definitionsLength > 100_000);
});
