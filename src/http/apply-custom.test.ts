import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

let api: Fixture;

const OBJECTS = (version: string) => `/apis/apply.example.com/${version}/namespaces/default/things`;
const openAPIV3Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name', 'kind'],
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string' },
              kind: { type: 'string', default: 'small' },
              size: { type: 'integer' },
            },
          },
        },
        tags: { type: 'array', items: { type: 'string' } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' } } },
  },
};

before(async () => {
  api = await startFixture();
  const version = {
    served: true,
    storage: false,
    schema: { openAPIV3Schema },
    subresources: {
      status: {},
      scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
    },
  };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.apply.example.com' },
    spec: {
      group: 'apply.example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [
        { ...version, name: 'v1', storage: true },
        { ...version, name: 'v2' },
      ],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  assert.equal((await api.call('POST', definitions, { body: crd })).status, 201);
  const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
  const accepted = await api.call('PATCH', `${definitions}/things.apply.example.com/status`, {
    body: { status: { conditions, acceptedNames: crd.spec.names } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(accepted.status, 200, accepted.text);
  await waitFor(() => api.registry.kinds.find('apply.example.com', 'v2', 'things') !== undefined);
});
after(async () => {
  await api[Symbol.asyncDispose]();
});

function apply(path: string, manager: string, body: object): Promise<Answer> {
  return api.call('PATCH', `${path}?fieldManager=${manager}`, {
    body,
    headers: { 'content-type': 'application/apply-patch+yaml' },
  });
}

const thing = (name: string, spec: object, version = 'v1') => ({
  apiVersion: `apply.example.com/${version}`,
  kind: 'Thing',
  metadata: { name },
  spec,
});

interface Stored {
  readonly spec: Record<string, unknown>;
  readonly metadata: {
    readonly generation: number;
    readonly managedFields: ReadonlyArray<Record<string, unknown>>;
  };
}

async function get(name: string): Promise<Stored> {
  return (await api.call('GET', `${OBJECTS('v1')}/${name}`)).json<Stored>();
}

const ok = (answer: Answer, status = 200): Answer => {
  assert.equal(answer.status, status, answer.text);
  return answer;
};

test('a custom object is applied by the list types of its schema, unknown parts by their values', async () => {
  const path = `${OBJECTS('v1')}/a`;
  const parts = [{ name: 'x', size: 1 }];
  ok(await apply(path, 'one', thing('a', { parts, tags: ['t'], free: { deep: { k: 1 } } })), 201);
  const more = {
    parts: [
      { name: 'x', kind: 'small' },
      { name: 'x', kind: 'large', size: 3 },
    ],
    free: { deep: { l: 2 } },
  };
  ok(await apply(path, 'two', thing('a', more)));
  assert.deepEqual((await get('a')).spec, {
    parts: [
      { name: 'x', kind: 'small', size: 1 },
      { name: 'x', kind: 'large', size: 3 },
    ],
    tags: ['t'],
    free: { deep: { k: 1, l: 2 } },
  });
  const refused = await apply(path, 'two', thing('a', { parts: [{ name: 'x', size: 9 }], tags: ['u'] }));
  assert.equal(
    refused.json().message,
    'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.tags\n- .spec.parts[kind="small",name="x"].size',
  );
  ok(await apply(path, 'one', thing('a', { tags: ['t'] })));
  assert.deepEqual((await get('a')).spec, {
    parts: [
      { name: 'x', kind: 'small' },
      { name: 'x', kind: 'large', size: 3 },
    ],
    tags: ['t'],
    free: { deep: { l: 2 } },
  });
});

test('what a custom schema does not declare is not applied', async () => {
  const answer = await apply(`${OBJECTS('v1')}/b`, 'one', thing('b', { unknown: 1 }));
  assert.equal(answer.status, 400);
  assert.equal(
    answer.json().message,
    'failed to create typed patch object (default/b; apply.example.com/v1, Kind=Thing): .spec.unknown: field not declared in schema',
  );
});

test('an applier is the same in every version; an updater has an entry in each', async () => {
  ok(await apply(`${OBJECTS('v1')}/c`, 'one', thing('c', { replicas: 1, tags: ['t'] })), 201);
  ok(await apply(`${OBJECTS('v2')}/c`, 'one', thing('c', { replicas: 2 }, 'v2')));
  const headers = { 'content-type': 'application/merge-patch+json' };
  for (const [version, body] of [
    ['v1', { metadata: { labels: { a: '1' } } }],
    ['v2', { metadata: { labels: { b: '1' } } }],
  ] as const)
    ok(await api.call('PATCH', `${OBJECTS(version)}/c?fieldManager=u`, { body, headers }));
  const { spec, metadata } = await get('c');
  assert.deepEqual(spec, { replicas: 2 });
  assert.deepEqual(
    metadata.managedFields.map(({ manager, operation, apiVersion }) => [manager, operation, apiVersion]),
    [
      ['one', 'Apply', 'apply.example.com/v2'],
      ['u', 'Update', 'apply.example.com/v1'],
      ['u', 'Update', 'apply.example.com/v2'],
    ],
  );
  assert.equal(metadata.generation, 2);
});

test('a custom object is scaled by apply where its CRD says', async () => {
  const path = `${OBJECTS('v1')}/d`;
  ok(await apply(path, 'one', thing('d', { tags: ['t'] })), 201);
  const scale = {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'd' },
    spec: { replicas: 4 },
  };
  ok(await apply(`${path}/scale`, 'scaler', scale));
  const { spec, metadata } = await get('d');
  assert.equal(spec.replicas, 4);
  const entry = metadata.managedFields.find(({ manager }) => manager === 'scaler');
  assert.deepEqual([entry?.subresource, entry?.fieldsV1], ['scale', { 'f:spec': { 'f:replicas': {} } }]);
});

test('a custom kind has no strategic merge', async () => {
  const headers = { 'content-type': 'application/strategic-merge-patch+json' };
  const answer = await api.call('PATCH', `${OBJECTS('v1')}/d`, { body: {}, headers });
  assert.equal(answer.status, 415);
  assert.doesNotMatch(answer.text, /strategic/);
});
