import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKinds } from './kinds.ts';
import type { OpenApiDocument } from './openapi.ts';

const gvk = { group: 'g.io', version: 'v1', kind: 'Foo' };
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

function operations(...pairs: ReadonlyArray<readonly [method: string, action: string]>) {
  return Object.fromEntries(
    pairs.map(([method, action]) => [
      method,
      { 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': gvk },
    ]),
  );
}

const document: OpenApiDocument = {
  definitions: {
    'io.k8s.api.g.v1.Foo': {
      required: ['spec'],
      'x-kubernetes-group-version-kind': [gvk],
      properties: {
        spec: { $ref: '#/definitions/io.k8s.api.g.v1.FooSpec', 'x-kubernetes-patch-strategy': 'retainKeys' },
        when: { $ref: `#/definitions/${meta}.Time` },
      },
    },
    'io.k8s.api.g.v1.FooSpec': {
      'x-kubernetes-map-type': 'atomic',
      properties: {
        parts: {
          type: 'array',
          items: { $ref: '#/definitions/io.k8s.api.g.v1.FooSpec' },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['a', 'b'],
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'a',
        },
        names: { type: 'array', items: { type: 'string' } },
        labels: {
          type: 'object',
          additionalProperties: { type: 'string' },
          'x-kubernetes-map-type': 'atomic',
        },
        size: { type: 'integer', format: 'int32' },
      },
    },
    'io.k8s.api.g.v1.Unused': { properties: { a: { type: 'string' } } },
    [`${meta}.DeleteOptions`]: { properties: {} },
    [`${meta}.Status`]: { properties: {} },
    [`${meta}.WatchEvent`]: { properties: {} },
    [`${meta}.Time`]: { type: 'string', format: 'date-time' },
  },
  paths: {
    '/apis/g.io/v1/namespaces/{namespace}/foos': operations(['get', 'list'], ['post', 'post']),
    '/apis/g.io/v1/namespaces/{namespace}/foos/{name}': operations(['get', 'get']),
    '/apis/g.io/v1/namespaces/{namespace}/foos/{name}/connect': operations(
      ['get', 'connect'],
      ['head', 'connect'],
    ),
    '/apis/g.io/v1/watch/foos': operations(['get', 'watchlist']),
    '/apis/g.io/v1beta1/foos': operations(['get', 'list']),
  },
};

function facts() {
  const text = generateKinds(document);
  return JSON.parse(text.slice(text.indexOf(' = `') + 4, text.lastIndexOf('`')));
}

test('one row per generally available resource, with its verbs and subresources', () => {
  assert.deepEqual(facts().kinds, [
    ['g.io', 'v1', 'Foo', 'foos', 1, 'create get list watch', [['connect', 'g.io', 'v1', 'Foo', 'get']]],
  ]);
});

test('definitions that are reached, their fields as codes', () => {
  const { definitions } = facts();
  assert.deepEqual(definitions['api.g.v1.Foo'], {
    k: 'g.io/v1/Foo',
    r: ['spec'],
    f: { spec: '#api.g.v1.FooSpec!retainKeys', when: 't' },
  });
  assert.deepEqual(definitions['api.g.v1.FooSpec'], {
    a: 1,
    f: { parts: '[ma,b|merge|a]#api.g.v1.FooSpec', names: '[a]s', labels: '<s', size: 'i' },
  });
  assert.equal(definitions['api.g.v1.Unused'], undefined);
});

test('a definition that is missing and a type without a code stop the generator', () => {
  const { [`${meta}.Status`]: _, ...definitions } = document.definitions;
  assert.throws(() => generateKinds({ ...document, definitions }), /no definition .*Status/);
  const odd = {
    ...document.definitions,
    [`${meta}.Status`]: { properties: { x: { type: 'string', format: 'odd' } } },
  };
  assert.throws(() => generateKinds({ ...document, definitions: odd }), /no code for/);
});
