import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const FOOS = '/apis/example.com/v1/namespaces/default/foos';
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture[Symbol.asyncDispose]());

const openAPIV3Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', maximum: 10 },
        color: { type: 'string', default: 'red' },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};
const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };

function definition(plural: string, change: object = {}) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Foo', plural },
      versions: [
        {
          ...version,
          subresources: { status: {}, scale: SCALE },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        },
        { ...version, name: 'v1beta1', storage: false },
      ],
      ...change,
    },
  };
}
const SCALE = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' };

/** What the CRD controller does. */
async function accept(plural: string): Promise<void> {
  const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
  const answer = await fixture.call('PATCH', `${DEFINITIONS}/${plural}.example.com/status`, {
    body: { status: { conditions, acceptedNames: { kind: 'Foo', plural } } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(answer.status, 200, answer.text);
}

function foo(name: string, spec: object) {
  return { apiVersion: 'example.com/v1', kind: 'Foo', metadata: { name }, spec };
}

test('a kind is served from the moment its names are accepted until its CRD goes', async () => {
  assert.equal((await fixture.call('GET', FOOS)).status, 404);
  const made = await fixture.call('POST', DEFINITIONS, { body: definition('foos') });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.json<{ status: { storedVersions: string[] } }>().status.storedVersions, ['v1']);
  await accept('foos');
  const { kinds } = fixture.registry;
  await waitFor(() => kinds.byKind('example.com/v1', 'Foo') !== undefined);

  const created = await fixture.call('POST', `${FOOS}?fieldValidation=Warn`, {
    body: foo('a', { size: 3, lost: 1, free: { kept: [1] } }),
  });
  assert.equal(created.status, 201, created.text);
  assert.match(String(created.headers.warning), /unknown field \\"spec.lost\\"/);
  assert.deepEqual(created.json().spec, { size: 3, free: { kept: [1] }, color: 'red' });
  const invalid = await fixture.call('POST', FOOS, { body: foo('b', { size: 11 }) });
  assert.deepEqual([invalid.status, invalid.json().reason], [422, 'Invalid']);

  const table = (await fixture.call('GET', FOOS, { headers: TABLE })).json<{
    rows: { cells: unknown[] }[];
  }>();
  assert.deepEqual(table.rows[0]?.cells, ['a', 3]);
  const beta = await fixture.call('GET', `${FOOS.replace('v1', 'v1beta1')}/a`);
  assert.equal(beta.json().apiVersion, 'example.com/v1beta1');
  const scaled = await fixture.call('PATCH', `${FOOS}/a/scale`, {
    body: { spec: { replicas: 5 } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(scaled.status, 200, scaled.text);
  const status = await fixture.call('PATCH', `${FOOS}/a/status`, {
    body: { spec: { size: 1 }, status: { ready: true } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  const { spec, status: said } = status.json<{ spec: { size: number }; status: unknown }>();
  assert.deepEqual([spec.size, said], [5, { ready: true }]);
  const document = (await fixture.call('GET', '/openapi/v3/apis/example.com/v1')).text;
  assert.match(document, /com\.example\.v1\.Foo/);
  assert.match((await fixture.call('GET', '/apis')).text, /"name":"example.com"/);

  const deleted = await fixture.call('DELETE', `${DEFINITIONS}/foos.example.com`);
  assert.equal(deleted.status, 200, deleted.text);
  const { metadata } = deleted.json<{ metadata: { finalizers: string[] } }>();
  assert.deepEqual(metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
  await waitFor(() => kinds.byKind('example.com/v1', 'Foo')?.custom?.terminating === true);
  const late = await fixture.call('POST', FOOS, { body: foo('late', { size: 1 }) });
  assert.deepEqual([late.status, late.json().reason], [405, 'MethodNotAllowed']);
  // The CRD controller does so when the objects are gone.
  await fixture.call('PATCH', `${DEFINITIONS}/foos.example.com`, {
    body: { metadata: { finalizers: null } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await waitFor(() => kinds.byKind('example.com/v1', 'Foo') === undefined);
  assert.equal((await fixture.call('GET', FOOS)).status, 404);
});

test('objects stored in a version that is no longer the stored one are served in the one asked for', async () => {
  await fixture.call('POST', DEFINITIONS, { body: definition('moves') });
  await accept('moves');
  const { kinds } = fixture.registry;
  await waitFor(() => kinds.find('example.com', 'v1', 'moves') !== undefined);
  const path = FOOS.replace('foos', 'moves');
  await fixture.call('POST', path, { body: foo('old', { size: 1 }) });
  const versions = [
    { ...version, storage: false },
    { ...version, name: 'v1beta1', storage: true },
  ];
  await fixture.call('PATCH', `${DEFINITIONS}/moves.example.com`, {
    body: { spec: { versions } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await waitFor(() => kinds.find('example.com', 'v1', 'moves')?.storageVersion === 'v1beta1');
  for (const asked of ['v1', 'v1beta1']) {
    const found = await fixture.call('GET', `${path.replace('/v1/', `/${asked}/`)}/old`);
    assert.equal(found.json().apiVersion, `example.com/${asked}`);
  }
  const crd = await fixture.call('GET', `${DEFINITIONS}/moves.example.com`);
  assert.deepEqual(crd.json<{ status: { storedVersions: string[] } }>().status.storedVersions, [
    'v1',
    'v1beta1',
  ]);
});

const REFUSED: readonly [string, object, string][] = [
  ['no versions', { versions: [] }, 'spec.versions'],
  ['two storage versions', { versions: [version, { ...version, name: 'v2' }] }, 'spec.versions'],
  [
    'a schema that is not structural',
    { versions: [{ ...version, schema: { openAPIV3Schema: { type: 'object', properties: { a: {} } } } }] },
    'spec.validation.openAPIV3Schema.properties[a].type',
  ],
  ['another group', { group: 'other.com' }, 'metadata.name'],
  ['a wrong scope', { scope: 'Everywhere' }, 'spec.scope'],
  [
    'a column that is no path',
    {
      versions: [{ ...version, additionalPrinterColumns: [{ name: 'a', type: 'string', jsonPath: 'a' }] }],
    },
    'spec.additionalPrinterColumns[0].JSONPath',
  ],
];
for (const [what, change, field] of REFUSED)
  test(`a CRD with ${what} is refused at ${field}`, async () => {
    const answer = await fixture.call('POST', DEFINITIONS, { body: definition('bad', change) });
    assert.equal(answer.status, 422, answer.text);
    const { details } = answer.json<{ details: { causes: { field: string }[] } }>();
    assert.ok(
      details.causes.some((cause) => cause.field === field),
      answer.text,
    );
  });
