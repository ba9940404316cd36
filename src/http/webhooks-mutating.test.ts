import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWebhook } from '../access/webhooks/testing/webhook-server.ts';
import { waitFor } from './testing/wait-for.ts';
import {
  createMap,
  createWith,
  type Json,
  patchOf,
  register,
  respond,
  reviewOf,
  start,
} from './testing/webhooks.ts';

test('a mutation is decoded, pruned and validated as what the caller sent', async (t) => {
  const patched = (...operations: Json[]) =>
    createWith('Mutating', (call) => respond(call, patchOf(...operations)));
  await t.test('a change', async () => {
    const { made } = await patched(
      { op: 'add', path: '/data', value: { added: 'yes' } },
      { op: 'add', path: '/nonsense', value: 1 },
    );
    assert.equal(made.status, 201);
    assert.deepEqual(made.data, { added: 'yes' });
    assert.equal('nonsense' in made, false);
  });
  await t.test('what breaks the schema', async () => {
    const { made, exists } = await patched({ op: 'add', path: '/data', value: [1] });
    assert.equal(made.status, 500);
    assert.equal(exists, false);
  });
  await t.test('what is not valid', async () => {
    const { made, exists } = await patched({ op: 'add', path: '/data', value: { 'no/key': 'x' } });
    assert.equal(made.status, 422);
    assert.equal(exists, false);
  });
  await t.test('a patch that does not apply', async () => {
    const { made } = await patched({ op: 'remove', path: '/not/there' });
    assert.equal(made.status, 500);
  });
  await t.test('a patch that is none', async () => {
    const { made } = await createWith('Mutating', (call) =>
      respond(call, { patchType: 'JSONPatch', patch: Buffer.from('nonsense').toString('base64') }),
    );
    assert.equal(made.status, 500);
  });
  await t.test('a bomb', async () => {
    const value = 'x'.repeat(1 << 20);
    const copies = Array.from({ length: 40 }, (_, i) => ({
      op: 'copy',
      from: '/data/a',
      path: `/data/b${i}`,
    }));
    const { made, exists } = await patched({ op: 'add', path: '/data', value: { a: value } }, ...copies);
    assert.equal(made.status, 500);
    assert.equal(exists, false);
  });
  await t.test('a prototype', async () => {
    const { made } = await patched({ op: 'add', path: '/__proto__/polluted', value: 1 });
    assert.equal(made.status, 500);
    assert.equal(({} as Json).polluted, undefined);
  });
});

test('what the server owns, and what names the object, no webhook changes', async (t) => {
  const patched = (path: string, value: unknown) =>
    createWith('Mutating', (call) => respond(call, patchOf({ op: 'add', path, value })));
  await t.test('uid and times stay', async () => {
    const { made } = await patched('/metadata', {
      name: 'a',
      namespace: 'default',
      uid: 'mine',
      resourceVersion: '7',
      creationTimestamp: '2000-01-01T00:00:00Z',
      deletionTimestamp: '2000-01-01T00:00:00Z',
      generation: 9,
    });
    assert.equal(made.status, 201);
    assert.match(String(made.metadata?.uid), /^[0-9a-f-]{36}$/);
    assert.notEqual(made.metadata?.creationTimestamp, '2000-01-01T00:00:00Z');
    assert.equal(made.metadata?.deletionTimestamp, undefined);
    assert.equal(made.metadata?.generation, undefined);
  });
  for (const [path, value, status] of [
    ['/metadata/namespace', 'kube-system', 400],
    ['/metadata/name', 'b', 422],
    ['/kind', 'Secret', 500],
    ['/apiVersion', 'v2', 500],
    ['', [], 500],
    ['/metadata', null, 400],
  ] as const)
    await t.test(`${path} = ${JSON.stringify(value)}`, async () => {
      const { made, exists } = await patched(path, value);
      assert.equal(made.status, status, made.message);
      assert.equal(exists, false);
    });
});

test('a status write changes only the status, whatever a webhook makes of it', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(
      call,
      patchOf(
        { op: 'replace', path: '/spec/replicas', value: 5 },
        { op: 'add', path: '/metadata/annotations', value: { by: 'hook' } },
      ),
    ),
  );
  const selector = { matchLabels: { app: 'a' } };
  const template = {
    metadata: { labels: { app: 'a' } },
    spec: { containers: [{ name: 'a', image: 'a:1' }] },
  };
  const body = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { selector, template },
  };
  const path = '/apis/apps/v1/namespaces/default/deployments';
  assert.equal((await api.call('POST', path, { body })).status, 201);
  const rule = {
    apiGroups: ['apps'],
    apiVersions: ['v1'],
    resources: ['*/status', '*/scale'],
    operations: ['UPDATE'],
  };
  await register(api, 'Mutating', [{ server, rules: [rule] }]);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const status = { status: { observedGeneration: 1, replicas: 2 } };
  const written = await api.call('PATCH', `${path}/d/status`, {
    body: JSON.stringify(status),
    headers: merge,
  });
  assert.equal(written.status, 200, written.text);
  const after = written.json<{ spec: Json; status: Json; metadata: Json }>();
  assert.equal(after.spec.replicas, 1);
  assert.equal(after.status.replicas, 2);
  assert.deepEqual(after.metadata.annotations, { by: 'hook' });
  assert.equal(after.metadata.generation, 1);
  const scale = await api.call('PATCH', `${path}/d/scale`, {
    body: '{"spec":{"replicas":3}}',
    headers: merge,
  });
  assert.equal(scale.status, 200, scale.text);
  assert.equal(scale.json<{ spec: Json }>().spec.replicas, 5);
  const asked = server.requests.map((call) => reviewOf(call));
  assert.deepEqual(asked[1]?.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  assert.deepEqual(asked[1]?.resource, { group: 'apps', version: 'v1', resource: 'deployments' });
  assert.equal(asked[1]?.subResource, 'scale');
});

test('webhooks run by name; those that ask for it run again after a change', async () => {
  await using api = await start();
  const seen: string[] = [];
  const hook = (name: string) =>
    startWebhook((call) => {
      const data = reviewOf(call).object?.data ?? {};
      seen.push(`${name}:${Object.keys(data).sort().join()}`);
      if (name in data) return respond(call, {});
      const path = Object.keys(data).length === 0 ? '/data' : `/data/${name}`;
      const value = path === '/data' ? { [name]: '' } : '';
      return respond(call, patchOf({ op: 'add', path, value }));
    });
  await using a = await hook('a');
  await using b = await hook('b');
  await using c = await hook('c');
  await register(api, 'Mutating', [
    { server: a, name: 'a.example.com', reinvocationPolicy: 'IfNeeded' },
    { server: b, name: 'b.example.com' },
    { server: c, name: 'c.example.com', reinvocationPolicy: 'IfNeeded' },
  ]);
  assert.deepEqual((await createMap(api, 'm')).data, { a: '', b: '', c: '' });
  assert.deepEqual(seen, ['a:', 'b:a', 'c:a,b', 'a:a,b,c']);
});

test('a custom object is seen in the version a webhook knows, changed in it, pruned and validated', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => {
    const { object } = reviewOf(call);
    const size = object?.spec?.size === 1 ? 'large' : 2;
    return respond(
      call,
      patchOf(
        { op: 'add', path: '/spec/size', value: size },
        { op: 'add', path: '/spec/unknown', value: 'x' },
        { op: 'add', path: '/metadata/labels', value: { seen: object?.apiVersion?.replace('/', '-') } },
      ),
    );
  });
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: { size: { type: 'integer' }, kept: { type: 'string', default: 'k' } },
        },
      },
    },
  };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v2', served: true, storage: false, schema },
      ],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  assert.equal((await api.call('POST', definitions, { body: crd })).status, 201);
  const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
  const accepted = await api.call('PATCH', `${definitions}/widgets.example.com/status`, {
    body: { status: { conditions, acceptedNames: { kind: 'Widget', plural: 'widgets' } } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  assert.equal(accepted.status, 200, accepted.text);
  await waitFor(() => api.registry.kinds.find('example.com', 'v2', 'widgets') !== undefined);
  const rule = {
    apiGroups: ['example.com'],
    apiVersions: ['v1'],
    resources: ['widgets'],
    operations: ['CREATE'],
  };
  await register(api, 'Mutating', [{ server, rules: [rule] }]);
  const create = (name: string, size: number) => {
    const body = { apiVersion: 'example.com/v2', kind: 'Widget', metadata: { name }, spec: { size } };
    return api.call('POST', '/apis/example.com/v2/namespaces/default/widgets', { body });
  };
  const made = await create('a', 5);
  assert.equal(made.status, 201, made.text);
  const { apiVersion, metadata, spec } = made.json<{ apiVersion: string; metadata: Json; spec: Json }>();
  assert.equal(apiVersion, 'example.com/v2');
  assert.deepEqual(metadata.labels, { seen: 'example.com-v1' });
  assert.deepEqual(spec, { size: 2, kept: 'k' });
  const wrong = await create('b', 1);
  assert.equal(wrong.status, 422, wrong.text);
  assert.match(wrong.text, /spec\.size: Invalid value/);
});

test('a token is asked for through admission', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, { allowed: false }));
  const rule = {
    apiGroups: [''],
    apiVersions: ['v1'],
    resources: ['serviceaccounts/token'],
    operations: ['CREATE'],
  };
  await register(api, 'Validating', [{ server, rules: [rule] }]);
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } };
  const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
  assert.equal((await api.call('POST', path, { body })).status, 400);
  const [call] = server.requests;
  assert.ok(call);
  assert.deepEqual(reviewOf(call).kind, {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenRequest',
  });
});

test('no webhook changes who owns fields', async () => {
  const broken = [{ manager: 'x', operation: 'Grab', apiVersion: 'v1', fieldsType: 'FieldsV1' }];
  const { made } = await createWith('Mutating', (call) =>
    respond(call, patchOf({ op: 'add', path: '/metadata/managedFields', value: broken })),
  );
  assert.equal(made.status, 201);
  // Nobody owns anything of an empty map.
  assert.equal(made.metadata?.managedFields, undefined);
});

test('a container that a webhook adds is treated as those that were there', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(
      call,
      patchOf({ op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image: 'sidecar:1' } }),
    ),
  );
  const limits = [{ type: 'Container', default: { cpu: '1' } }];
  const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: { limits } };
  const made = await api.call('POST', '/api/v1/namespaces/default/limitranges', { body: range });
  assert.equal(made.status, 201, made.text);
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] };
  await register(api, 'Mutating', [{ server, rules: [rule] }]);
  const spec = { containers: [{ name: 'main', image: 'main:1' }] };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec };
  const created = await api.call('POST', '/api/v1/namespaces/default/pods', { body });
  assert.equal(created.status, 201, created.text);
  const { containers, volumes } = created.json<{ spec: { containers: Json[]; volumes: Json[] } }>().spec;
  assert.equal(volumes.length, 1);
  assert.deepEqual(
    containers.map(({ name, resources, volumeMounts, imagePullPolicy }) => ({
      name,
      resources,
      mounts: (volumeMounts as Json[]).map(({ mountPath }) => mountPath),
      imagePullPolicy,
    })),
    ['main', 'sidecar'].map((name) => ({
      name,
      resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
      mounts: ['/var/run/secrets/kubernetes.io/serviceaccount'],
      imagePullPolicy: 'IfNotPresent',
    })),
  );
});
