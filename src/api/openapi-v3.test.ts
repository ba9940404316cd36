import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from './kinds.ts';
import { OpenApiDocuments, openApiDocument, openApiIndex } from './openapi-v3.ts';

const documents = new OpenApiDocuments(createKindTable());

test('the index names a document for every group-version, under its hash', () => {
  const { paths } = JSON.parse(JSON.stringify(openApiIndex(documents)));
  assert.match(paths['api/v1'].serverRelativeURL, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{64}$/);
  assert.match(paths['apis/apps/v1'].serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=/);
  assert.equal(Object.keys(paths).length, documents.groupVersions().length);
});

for (const { group, version } of documents.groupVersions()) {
  test(`every reference in ${group}/${version} leads somewhere`, () => {
    const text = documents.get(group, version)?.json.toString() ?? '';
    const { schemas } = JSON.parse(text).components;
    const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    );
    assert.ok(names.length > 0);
    assert.deepEqual(
      names.filter((name) => schemas[name] === undefined || Object.keys(schemas[name]).length === 0),
      [],
    );
  });
}

test('kubectl finds what it looks for', () => {
  const document = JSON.parse(documents.get('', 'v1')?.json.toString() ?? '');
  const pod = document.components.schemas['io.k8s.api.core.v1.Pod'];
  assert.deepEqual(pod['x-kubernetes-group-version-kind'], [{ group: '', version: 'v1', kind: 'Pod' }]);
  const item = document.paths['/api/v1/namespaces/{namespace}/pods/{name}'];
  assert.equal(item.patch['x-kubernetes-action'], 'patch');
  const names = item.patch.parameters.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  assert.ok('application/strategic-merge-patch+json' in item.patch.requestBody.content);
  const containers = document.components.schemas['io.k8s.api.core.v1.PodSpec'].properties.containers;
  assert.equal(containers['x-kubernetes-patch-merge-key'], 'name');
  assert.deepEqual(containers.items.allOf, [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }]);
  const exec = document.paths['/api/v1/namespaces/{namespace}/pods/{name}/exec'].post;
  assert.equal(exec['x-kubernetes-action'], 'connect');
});

test('what is not served has no document', () => {
  assert.equal(openApiDocument(createKindTable(), 'nope', 'v1'), undefined);
});
