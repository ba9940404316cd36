import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  startWebhook,
  type WebhookAnswer,
  type WebhookServer,
} from '../access/webhooks/testing/webhook-server.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface Address {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown> & { name: string; uid: string };
  spec: { hostPort?: string; host?: string; port?: string };
}

interface Review {
  readonly request: { uid: string; desiredAPIVersion: string; objects: Address[] };
}

/** v1 has `hostPort`, v2 has `host` and `port`. */
function converted(object: Address, apiVersion: string): Address {
  const { hostPort, host, port } = object.spec;
  const [h, p] = (hostPort ?? '').split(':');
  const spec = apiVersion.endsWith('/v1') ? { hostPort: `${host}:${port}` } : { host: h, port: p };
  return { ...object, apiVersion, spec } as Address;
}

function honest({ request }: Review) {
  const objects = request.objects.map((object) => converted(object, request.desiredAPIVersion));
  const response = { uid: request.uid, result: { status: 'Success' }, convertedObjects: objects };
  return { kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response };
}

type Honest = ReturnType<typeof honest>;

let fixture: Fixture;
let webhook: WebhookServer;
let answer: (review: Review) => object | undefined = honest;
before(async () => {
  fixture = await startFixture();
  const respond: WebhookAnswer = (call) => answer(call.body as unknown as Review); // Ours.
  webhook = await startWebhook(respond);
  await define();
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
  await webhook[Symbol.asyncDispose]();
});

const text = { type: 'string' };

function version(name: string, properties: object, storage: boolean) {
  const spec = { type: 'object', properties };
  return {
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
    subresources: { status: {} },
  };
}

async function define(): Promise<void> {
  const clientConfig = { url: webhook.url, caBundle: webhook.caBundle };
  const made = await fixture.call('POST', DEFINITIONS, {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'addresses.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Address', plural: 'addresses' },
        conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } },
        versions: [
          version('v1', { hostPort: { ...text, pattern: ':' } }, true),
          version('v2', { host: text, port: text, protocol: { ...text, default: 'tcp' } }, false),
        ],
      },
    },
  });
  assert.equal(made.status, 201, made.text);
  const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
  const accepted = await fixture.call('PATCH', `${DEFINITIONS}/addresses.example.com/status`, {
    body: { status: { conditions } },
    headers: MERGE,
  });
  assert.equal(accepted.status, 200, accepted.text);
  await waitFor(() => fixture.registry.kinds.find('example.com', 'v2', 'addresses') !== undefined);
}

function pathOf(inVersion: string, name = ''): string {
  return `/apis/example.com/${inVersion}/namespaces/default/addresses${name === '' ? '' : `/${name}`}`;
}

function address(name: string, spec: object, inVersion: string) {
  return { apiVersion: `example.com/${inVersion}`, kind: 'Address', metadata: { name }, spec };
}

async function read(inVersion: string, name: string): Promise<Address> {
  const found = await fixture.call('GET', pathOf(inVersion, name));
  assert.equal(found.status, 200, found.text);
  return found.json<Address>();
}

test('an object is read, listed, patched and watched in each version, and stored in one', async () => {
  const one = await fixture.call('POST', pathOf('v1'), { body: address('one', { hostPort: 'a:1' }, 'v1') });
  assert.equal(one.status, 201, one.text);
  const two = await fixture.call('POST', pathOf('v2'), {
    body: address('two', { host: 'b', port: '2' }, 'v2'),
  });
  assert.equal(two.status, 201, two.text);
  assert.deepEqual(two.json<Address>().spec, { host: 'b', port: '2', protocol: 'tcp' });
  assert.deepEqual((await read('v1', 'two')).spec, { hostPort: 'b:2' });
  assert.deepEqual((await read('v2', 'one')).spec, { host: 'a', port: '1' });

  const asked = webhook.requests.length;
  const list = (await fixture.call('GET', pathOf('v2'))).json<{ items: Address[] }>();
  assert.deepEqual(
    list.items.map(({ apiVersion, spec }) => [apiVersion, spec.host]),
    [
      ['example.com/v2', 'a'],
      ['example.com/v2', 'b'],
    ],
  );
  assert.ok(webhook.requests.length <= asked + 1, 'one review for the whole list');

  const before = await read('v1', 'one');
  const patched = await fixture.call('PATCH', pathOf('v2', 'one'), {
    body: { spec: { port: '7' }, metadata: { labels: { a: 'b' } } },
    headers: MERGE,
  });
  assert.equal(patched.status, 200, patched.text);
  const after = await read('v1', 'one');
  assert.deepEqual(after.spec, { hostPort: 'a:7' });
  assert.deepEqual([after.metadata.uid, after.metadata.generation], [before.metadata.uid, 2]);
  const status = await fixture.call('PATCH', `${pathOf('v2', 'one')}/status`, {
    body: { spec: { port: '9' } },
    headers: MERGE,
  });
  assert.deepEqual(status.json<Address>().spec.port, '7');
});

test('a watch speaks its own version', async () => {
  const from = (await fixture.call('GET', pathOf('v2'))).json<{ metadata: { resourceVersion: string } }>();
  const query = `watch=true&resourceVersion=${from.metadata.resourceVersion}&timeoutSeconds=1`;
  const watching = fixture.call('GET', `${pathOf('v2')}?${query}`);
  await fixture.call('POST', pathOf('v1'), { body: address('seen', { hostPort: 'c:3' }, 'v1') });
  await fixture.call('DELETE', pathOf('v1', 'seen'));
  const events = (await watching).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: Address });
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.apiVersion, object.spec.host]),
    [
      ['ADDED', 'example.com/v2', 'c'],
      ['DELETED', 'example.com/v2', 'c'],
    ],
  );
});

test('many who wait for the same object ask once', async () => {
  await fixture.call('POST', pathOf('v1'), { body: address('shared', { hostPort: 'a:1' }, 'v1') });
  const from = (await fixture.call('GET', pathOf('v1'))).json<{ metadata: { resourceVersion: string } }>();
  const query = `watch=true&resourceVersion=${from.metadata.resourceVersion}&timeoutSeconds=1`;
  const asked = webhook.requests.length;
  const watching = Array.from({ length: 10 }, () => fixture.call('GET', `${pathOf('v2')}?${query}`));
  await merge('v1', 'shared', { spec: { hostPort: 'a:2' } });
  for (const answered of await Promise.all(watching)) assert.match(answered.text, /"port":"2"/);
  assert.ok(webhook.requests.length <= asked + 2, `${webhook.requests.length - asked} reviews`);
});

test('an object is validated in the version that it is written in', async () => {
  const wrong = await fixture.call('POST', pathOf('v1'), { body: address('bad', { hostPort: 'x' }, 'v1') });
  assert.match(wrong.text, /spec.hostPort in body should match ':'/);
});

function merge(inVersion: string, name: string, body: object) {
  return fixture.call('PATCH', pathOf(inVersion, name), { body, headers: MERGE });
}

function change(make: (review: Honest) => object): (review: Review) => object {
  return (review) => make(honest(review));
}

function changeObjects(make: (object: Address) => object): (review: Review) => object {
  return change((review) => ({
    ...review,
    response: { ...review.response, convertedObjects: review.response.convertedObjects.map(make) },
  }));
}

const LIES: readonly [what: string, lie: (review: Review) => object | undefined, why: RegExp][] = [
  ['no answer', () => ({}), /expected webhook response of apiextensions.k8s.io\/v1, Kind=ConversionReview/],
  ['no response', () => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' }), /no response/],
  [
    'the uid of another',
    change((review) => ({ ...review, response: { ...review.response, uid: 'x' } })),
    /expected response.uid=/,
  ],
  [
    'that it failed',
    change(({ response, ...rest }) => ({
      ...rest,
      response: { ...response, result: { status: 'Failure', message: 'cannot do it' } },
    })),
    /failed: cannot do it/,
  ],
  [
    'too few',
    change(({ response, ...rest }) => ({ ...rest, response: { ...response, convertedObjects: [] } })),
    /returned 0 objects, expected 1/,
  ],
  ['no objects', changeObjects(() => [1]), /it is no object/],
  [
    'another version',
    changeObjects((object) => ({ ...object, apiVersion: 'example.com/v9' })),
    /invalid groupVersion \(expected example.com\/v2, received example.com\/v9\)/,
  ],
  ['another kind', changeObjects((object) => ({ ...object, kind: 'Secret' })), /invalid kind/],
  [
    'another name',
    changeObjects((object) => ({ ...object, metadata: { ...object.metadata, name: 'x' } })),
    /must have the same name/,
  ],
  [
    'another namespace',
    changeObjects((object) => ({ ...object, metadata: { ...object.metadata, namespace: 'kube-system' } })),
    /must have the same namespace/,
  ],
  [
    'another uid of the object',
    changeObjects((object) => ({ ...object, metadata: { ...object.metadata, uid: 'x' } })),
    /must have the same UID/,
  ],
  ['no metadata', changeObjects(({ metadata: _gone, ...object }) => object), /missing metadata/],
  [
    'labels that are none',
    changeObjects((object) => ({ ...object, metadata: { ...object.metadata, labels: { 'a b': 'c' } } })),
    /metadata.labels/,
  ],
];
for (const [index, [what, lie, why]] of LIES.entries())
  test(`a webhook that says ${what} is refused and changes nothing`, async () => {
    const name = `lie-${index}`;
    const body = address(name, { hostPort: 'a:1' }, 'v1');
    assert.equal((await fixture.call('POST', pathOf('v1'), { body })).status, 201);
    const stored = await read('v1', name);
    answer = lie;
    try {
      const got = await fixture.call('GET', pathOf('v2', name));
      assert.equal(got.status, 500, got.text);
      assert.match(got.json<{ message: string }>().message, why);
      const patched = await fixture.call('PATCH', pathOf('v2', name), {
        body: { spec: { port: '7' } },
        headers: MERGE,
      });
      assert.equal(patched.status, 500, patched.text);
    } finally {
      answer = honest;
    }
    assert.deepEqual(await read('v1', name), stored);
    assert.equal((await fixture.call('DELETE', pathOf('v1', name))).status, 200);
  });

test('a webhook may not change what is not its own', async () => {
  const body = address('kept', { hostPort: 'a:1' }, 'v1');
  await fixture.call('POST', pathOf('v1'), { body });
  answer = changeObjects((object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: ['evil/x'], generation: 99, annotations: { by: 'webhook' } },
  }));
  try {
    const { metadata } = await read('v2', 'kept');
    assert.deepEqual(
      [metadata.finalizers, metadata.generation, metadata.annotations],
      [undefined, 1, { by: 'webhook' }],
    );
  } finally {
    answer = honest;
  }
});

test('a webhook that is down leaves the stored version served', async () => {
  const body = address('alone', { hostPort: 'a:1' }, 'v1');
  await fixture.call('POST', pathOf('v1'), { body });
  const clientConfig = { url: 'https://127.0.0.1:1/x', caBundle: webhook.caBundle };
  const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
  const changed = await fixture.call('PATCH', `${DEFINITIONS}/addresses.example.com`, {
    body: { spec: { conversion } },
    headers: MERGE,
  });
  assert.equal(changed.status, 200, changed.text);
  const { kinds } = fixture.registry;
  await waitFor(
    () => kinds.find('example.com', 'v2', 'addresses')?.custom?.webhook?.url === clientConfig.url,
  );
  const got = await fixture.call('GET', pathOf('v2', 'alone'));
  assert.equal(got.status, 500);
  assert.match(got.text, /conversion webhook for example.com\/v1, Kind=Address failed: .*connection refused/);
  assert.deepEqual((await read('v1', 'alone')).spec, { hostPort: 'a:1' });
});
