import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const text = { type: 'string' };
const integer = { type: 'integer' };

let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture[Symbol.asyncDispose]());

function schemaOf(spec: object) {
  const properties = {
    spec: { type: 'object', ...spec },
    status: { type: 'object', properties: { phase: text } },
  };
  return { type: 'object', properties };
}

function version(spec: object, more: object = {}) {
  return { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schemaOf(spec) }, ...more };
}

async function define(plural: string, versions: object[]): Promise<void> {
  const made = await fixture.call('POST', DEFINITIONS, {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.example.com` },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: plural.toUpperCase(), plural },
        versions,
      },
    },
  });
  assert.equal(made.status, 201, made.text);
  const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
  const body = { status: { conditions } };
  await fixture.call('PATCH', `${DEFINITIONS}/${plural}.example.com/status`, { body, headers: MERGE });
  await waitFor(() => fixture.registry.kinds.find('example.com', 'v1', plural) !== undefined);
}

async function redefine(plural: string, versions: object[]): Promise<void> {
  const { kinds } = fixture.registry;
  const before_ = kinds.find('example.com', 'v1', plural);
  const body = { spec: { versions } };
  const changed = await fixture.call('PATCH', `${DEFINITIONS}/${plural}.example.com`, {
    body,
    headers: MERGE,
  });
  assert.equal(changed.status, 200, changed.text);
  await waitFor(() => kinds.find('example.com', 'v1', plural) !== before_);
}

function pathOf(plural: string, name = '', inVersion = 'v1'): string {
  return `/apis/example.com/${inVersion}/namespaces/default/${plural}${name === '' ? '' : `/${name}`}`;
}

function make(plural: string, name: string, spec: object, more: object = {}): Promise<Answer> {
  const body = {
    apiVersion: 'example.com/v1',
    kind: plural.toUpperCase(),
    metadata: { name },
    spec,
    ...more,
  };
  return fixture.call('POST', pathOf(plural), { body });
}

function merge(path: string, body: object): Promise<Answer> {
  return fixture.call('PATCH', path, { body, headers: MERGE });
}

interface Made {
  metadata: { generation: number; resourceVersion: string; labels?: object };
  spec: Record<string, unknown>;
  status?: object;
}

test('what was stored before its schema changed is read as the schema is now', async () => {
  await define('reads', [version({ properties: { a: text, gone: text } })]);
  await make('reads', 'old', { a: 'x', gone: 'y' });
  await redefine('reads', [version({ properties: { a: text, added: { ...text, default: 'd' } } })]);
  const wanted = { a: 'x', added: 'd' };
  const got = (await fixture.call('GET', pathOf('reads', 'old'))).json<Made>();
  assert.deepEqual(got.spec, wanted);
  const list = (await fixture.call('GET', pathOf('reads'))).json<{ items: Made[] }>();
  assert.deepEqual(list.items[0]?.spec, wanted);
  const patched = (await merge(pathOf('reads', 'old'), { spec: { a: 'z' } })).json<Made>();
  assert.deepEqual([patched.spec, patched.metadata.generation], [{ ...wanted, a: 'z' }, 2]);
});

test('what is stored is as the stored version has it', async () => {
  const beta = version({ properties: { a: text, b: text } }, { name: 'v1beta1', storage: false });
  await define('others', [version({ properties: { a: text, c: { ...text, default: 'd' } } }), beta]);
  const body = {
    apiVersion: 'example.com/v1beta1',
    kind: 'OTHERS',
    metadata: { name: 'x' },
    spec: { a: '1', b: '2' },
  };
  const made = await fixture.call('POST', pathOf('others', '', 'v1beta1'), { body });
  assert.equal(made.status, 201, made.text);
  const read = async (inVersion: string) =>
    (await fixture.call('GET', pathOf('others', 'x', inVersion))).json<Made>().spec;
  assert.deepEqual([await read('v1'), await read('v1beta1')], [{ a: '1', c: 'd' }, { a: '1' }]);
});

test('a watch ends when the CRD changes', async () => {
  await define('ends', [version({ properties: { a: text } })]);
  const watching = fixture.call('GET', `${pathOf('ends')}?watch=true&timeoutSeconds=60`);
  await make('ends', 'one', { a: 'x' });
  await redefine('ends', [version({ properties: { a: text, b: text } })]);
  assert.match((await watching).text, /"name":"one"/);
});

test('objects that no longer fit may stay as they are', async () => {
  await define('ratchets', [version({ properties: { size: integer, other: text } })]);
  await make('ratchets', 'big', { size: 99 });
  const rules = [{ rule: '!has(self.other) || self.other.size() < 3', message: 'other is long' }];
  const spec = {
    properties: { size: { ...integer, maximum: 10 }, other: text },
    'x-kubernetes-validations': rules,
  };
  await redefine('ratchets', [version(spec)]);
  assert.equal((await merge(pathOf('ratchets', 'big'), { spec: { other: 'a' } })).status, 200);
  const refused = await merge(pathOf('ratchets', 'big'), { spec: { size: 98, other: 'long' } });
  assert.equal(refused.status, 422, refused.text);
  const { message } = refused.json<{ message: string }>();
  assert.match(message, /spec.size: Invalid value: 98: spec.size in body should be less than or equal to 10/);
  assert.match(message, /spec: Invalid value: other is long/);
});

test('rules are not asked about what has the wrong form', async () => {
  const rules = [{ rule: 'self.size > 0' }];
  await define('forms', [version({ properties: { size: integer }, 'x-kubernetes-validations': rules })]);
  const { message } = (await make('forms', 'a', { size: 'x' })).json<{ message: string }>();
  assert.match(
    message,
    /spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"/,
  );
  assert.match(
    message,
    /<nil>: Invalid value: null: some validation rules were not checked because the object was invalid/,
  );
});

test('generation counts what is not metadata, and not status where that is written apart', async () => {
  await define('plains', [version({ properties: { a: text } })]);
  await define('parts', [version({ properties: { a: text } }, { subresources: { status: {} } })]);
  for (const [plural, generations] of [
    ['plains', [1, 1, 2, 3]],
    ['parts', [1, 1, 2, 2]],
  ] as const) {
    const seen = [(await make(plural, 'x', { a: '1' }, { status: { phase: 'New' } })).json<Made>()];
    for (const change of [
      { metadata: { labels: { l: 'v' } } },
      { spec: { a: '2' } },
      { status: { phase: 'Old' } },
    ])
      seen.push((await merge(pathOf(plural, 'x'), change)).json<Made>());
    assert.deepEqual(
      seen.map(({ metadata }) => metadata.generation),
      generations,
    );
    assert.deepEqual(seen.at(-1)?.status, plural === 'parts' ? undefined : { phase: 'Old' });
  }
  assert.equal((await merge(`${pathOf('plains', 'x')}/status`, {})).status, 404);
});

test('a write to status changes and checks status alone', async () => {
  await define('states', [
    version({ properties: { a: { ...text, maxLength: 1 } } }, { subresources: { status: {} } }),
  ]);
  await make('states', 'x', { a: '1' });
  const change = {
    metadata: { labels: { l: 'v' }, annotations: { a: 'b' } },
    spec: { a: 'too long' },
    status: { phase: 'Up' },
  };
  const written = await merge(`${pathOf('states', 'x')}/status`, change);
  assert.equal(written.status, 200, written.text);
  const { metadata, spec, status } = written.json<Made>();
  assert.deepEqual([metadata.labels, spec, status], [undefined, { a: '1' }, { phase: 'Up' }]);
  const wrong = await merge(`${pathOf('states', 'x')}/status`, { status: { phase: 5 } });
  assert.match(
    wrong.text,
    /status.phase: Invalid value: \\"integer\\": phase in body must be of type string/,
  );
});

test('a PUT says what it was made from', async () => {
  await define('puts', [version({ properties: { a: text } })]);
  const made = (await make('puts', 'x', { a: '1' })).json<Made>();
  const { resourceVersion: _left, ...metadata } = made.metadata;
  const put = await fixture.call('PUT', pathOf('puts', 'x'), { body: { ...made, metadata } });
  assert.equal(put.status, 422);
  assert.match(put.text, /metadata.resourceVersion: Invalid value: 0x?0?: must be specified for an update/);
  assert.equal((await fixture.call('PUT', pathOf('puts', 'x'), { body: made })).status, 200);
});

test('whoever uses an old version is told so', async () => {
  const spec = { properties: { a: text } };
  await define('olds', [
    version(spec),
    version(spec, { name: 'v1beta1', storage: false, deprecated: true }),
    version(spec, {
      name: 'v1alpha1',
      storage: false,
      deprecated: true,
      deprecationWarning: 'use anything else',
    }),
  ]);
  const beta = await fixture.call('GET', pathOf('olds', '', 'v1beta1'));
  assert.equal(
    beta.headers.warning,
    '299 - "example.com/v1beta1 OLDS is deprecated; use example.com/v1 OLDS"',
  );
  const alpha = await fixture.call('GET', pathOf('olds', '', 'v1alpha1'));
  assert.equal(alpha.headers.warning, '299 - "use anything else"');
  assert.equal((await fixture.call('GET', pathOf('olds'))).headers.warning, undefined);
});

test('what is allowed but not wise is warned of', async () => {
  await define('warns', [version({ properties: { a: text } })]);
  const properties = { a: { ...text, format: 'moon' } };
  const versions = [version({ properties })];
  const changed = await merge(`${DEFINITIONS}/warns.example.com`, { spec: { versions } });
  assert.equal(changed.headers.warning, '299 - "unrecognized format \\"moon\\""');
  const again = await merge(`${DEFINITIONS}/warns.example.com`, { metadata: { labels: { a: 'b' } } });
  assert.equal(again.headers.warning, undefined);
  const body = { apiVersion: 'example.com/v1', kind: 'WARNS', metadata: { name: 'x', finalizers: ['mine'] } };
  const made = await fixture.call('POST', pathOf('warns'), { body });
  assert.match(
    String(made.headers.warning),
    /metadata.finalizers: \\"mine\\": prefer a domain-qualified finalizer name/,
  );
});

test('objects are selected by the fields the CRD names, in lists and watches', async () => {
  const selectableFields = [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.size' }];
  await define('picks', [version({ properties: { color: text, size: integer } }, { selectableFields })]);
  const watching = fixture.call(
    'GET',
    `${pathOf('picks')}?watch=true&timeoutSeconds=1&fieldSelector=${encodeURIComponent('spec.color=blue')}`,
  );
  await make('picks', 'a', { color: 'red', size: 1 });
  await make('picks', 'b', { color: 'blue', size: 2 });
  await merge(pathOf('picks', 'a'), { spec: { color: 'blue' } });
  await merge(pathOf('picks', 'b'), { spec: { color: 'red' } });
  const names = async (selector: string) => {
    const found = await fixture.call(
      'GET',
      `${pathOf('picks')}?fieldSelector=${encodeURIComponent(selector)}`,
    );
    return found
      .json<{ items: { metadata: { name: string } }[] }>()
      .items.map(({ metadata }) => metadata.name);
  };
  assert.deepEqual(await names('spec.color=blue'), ['a']);
  assert.deepEqual(await names('spec.size!=1,metadata.namespace=default'), ['b']);
  const unknown = await fixture.call('GET', `${pathOf('picks')}?fieldSelector=spec.shape%3Dx`);
  assert.match(unknown.json<{ message: string }>().message, /field label not supported: spec.shape/);
  const events = (await watching).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } });
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.metadata.name}`),
    ['ADDED b', 'ADDED a', 'DELETED b'],
  );
  const document = await fixture.call('GET', '/openapi/v3/apis/example.com/v1');
  assert.match(
    document.text,
    /"x-kubernetes-selectable-fields":\[\{"fieldPath":"spec.color"\},\{"fieldPath":"spec.size"\}\]/,
  );
});

test('hostile bodies are answered and change nothing', async () => {
  await define('hostiles', [
    version({
      properties: { a: text, map: { type: 'object', additionalProperties: text } },
      'x-kubernetes-validations': [{ rule: 'true' }],
    }),
  ]);
  const bodies = [
    '{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":{"name":"p"},"spec":{"__proto__":{"a":1},"constructor":{"prototype":1}}}',
    '{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":{"name":"q"},"spec":[1]}',
    '{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":{"name":"r"},"spec":null}',
    '{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":[],"spec":{}}',
    '{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":{"name":5},"spec":{}}',
    `{"apiVersion":"example.com/v1","kind":"HOSTILES","metadata":{"name":"s"},"spec":{"map":{"__proto__":"x","toString":"y"}}}`,
  ];
  for (const body of bodies) {
    const answer = await fixture.call('POST', pathOf('hostiles'), {
      body,
      headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
    });
    assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
  }
  assert.equal(({} as Record<string, unknown>).a, undefined);
});
