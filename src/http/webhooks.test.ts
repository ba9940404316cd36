import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWebhook, type WebhookAnswer } from '../access/webhooks/testing/webhook-server.ts';
import { createPod } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';
import {
  CONFIG_MAPS,
  createMap,
  createWith,
  type Json,
  type Review,
  register,
  respond,
  reviewOf,
  start,
} from './testing/webhooks.ts';

test('a webhook is asked what upstream asks, and denies in its own words', async () => {
  const { made, exists, requests } = await createWith('Validating', (call) =>
    respond(call, { allowed: false, status: { code: 418, reason: 'Teapot', message: 'short and stout' } }),
  );
  assert.equal(made.status, 418);
  assert.equal(made.reason, 'Teapot');
  assert.equal(made.message, 'admission webhook "hook-0.example.com" denied the request: short and stout');
  assert.equal(exists, false);
  const [call] = requests;
  assert.ok(call);
  const { uid, object, ...rest } = reviewOf(call);
  assert.match(uid, /^[0-9a-f-]{36}$/);
  assert.equal(object?.metadata.name, 'a');
  assert.deepEqual(rest, {
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    requestResource: { group: '', version: 'v1', resource: 'configmaps' },
    name: 'a',
    namespace: 'default',
    operation: 'CREATE',
    userInfo: rest.userInfo,
    oldObject: null,
    dryRun: false,
    options: rest.options,
  });
  assert.deepEqual((rest.userInfo as Json).username, 'admin');
  assert.deepEqual((rest.userInfo as Json).groups, ['system:masters', 'system:authenticated']);
  assert.deepEqual((rest.options as Json).kind, 'CreateOptions');
});

test('a denial without words, and one that says success', async () => {
  const silent = await createWith('Validating', (call) => respond(call, { allowed: false }));
  assert.equal(silent.made.status, 400);
  assert.equal(
    silent.made.message,
    'admission webhook "hook-0.example.com" denied the request without explanation',
  );
  const lying = await createWith('Validating', (call) =>
    respond(call, { allowed: false, status: { code: 200, status: 'Success', reason: 'Why' } }),
  );
  assert.equal(lying.made.status, 400);
  assert.equal(lying.made.message, 'admission webhook "hook-0.example.com" denied the request: Why');
});

test('what fails is an internal error, or nothing where the policy says so', async (t) => {
  const cases: ReadonlyArray<[string, WebhookAnswer, RegExp]> = [
    [
      'another uid',
      (call) => respond(call, { uid: 'x' }),
      /received invalid webhook response: expected response\.uid=/,
    ],
    ['no response', () => ({}), /received invalid webhook response: webhook response was absent/],
    [
      'v1beta1',
      (call) => ({ ...respond(call, {}), apiVersion: 'admission.k8s.io/v1beta1' }),
      /expected webhook response of admission\.k8s\.io\/v1/,
    ],
    [
      'a redirect',
      (_, response) => void response.writeHead(302, { location: 'https://127.0.0.1:1' }).end(),
      /status 302/,
    ],
    ['a huge answer', (_, response) => void response.writeHead(200).end(Buffer.alloc(4 << 20, 'a')), /limit/],
    ['silence', () => undefined, /context deadline exceeded/],
    ['a hang-up', (_, response) => void response.destroy(), /EOF/],
  ];
  for (const [name, answer, expected] of cases)
    await t.test(name, async () => {
      const closed = await createWith('Validating', answer, { timeoutSeconds: 1 });
      assert.equal(closed.made.status, 500);
      assert.equal(closed.made.reason, 'InternalError');
      assert.match(
        closed.made.message ?? '',
        /^Internal error occurred: failed calling webhook "hook-0\.example\.com": /,
      );
      assert.match(closed.made.message ?? '', expected);
      assert.equal(closed.exists, false);
      const open = await createWith('Validating', answer, { timeoutSeconds: 1, failurePolicy: 'Ignore' });
      assert.equal(open.made.status, 201);
    });
});

test('a webhook that is down, or of another authority', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, {}));
  await using stranger = await startWebhook((call) => respond(call, {}));
  const clientConfig = { url: 'https://127.0.0.1:1/x', caBundle: server.caBundle };
  await register(api, 'Validating', [{ clientConfig, objectSelector: { matchLabels: { use: 'down' } } }]);
  await register(api, 'Validating', [
    {
      clientConfig: { url: server.url, caBundle: stranger.caBundle },
      objectSelector: { matchLabels: { use: 'stranger' } },
    },
  ]);
  const down = await createMap(api, 'a', { metadata: { name: 'a', labels: { use: 'down' } } });
  assert.match(
    down.message ?? '',
    /failed calling webhook "hook-0\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:1\/x\?timeout=10s": dial tcp 127\.0\.0\.1:1: connect: connection refused/,
  );
  const other = await createMap(api, 'a', { metadata: { name: 'a', labels: { use: 'stranger' } } });
  assert.match(other.message ?? '', /x509: certificate signed by unknown authority/);
  assert.equal((await createMap(api, 'a')).status, 201);
});

test('updates and deletions are asked about, dry runs only those without side effects', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(call, { allowed: reviewOf(call).operation !== 'DELETE' || reviewOf(call).dryRun === true }),
  );
  await register(api, 'Validating', [{ server, sideEffects: 'NoneOnDryRun' }]);
  assert.equal((await createMap(api, 'a')).status, 201);
  const put = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '1' } };
  assert.equal((await api.call('PUT', `${CONFIG_MAPS}/a`, { body: put })).status, 200);
  assert.equal((await api.call('DELETE', `${CONFIG_MAPS}/a?dryRun=All`)).status, 200);
  assert.equal((await api.call('DELETE', `${CONFIG_MAPS}/a`)).status, 400);
  assert.equal((await api.call('GET', `${CONFIG_MAPS}/a`)).status, 200);
  assert.equal((await api.call('DELETE', CONFIG_MAPS)).status, 400);
  const asked = server.requests.map((call) => reviewOf(call));
  assert.deepEqual(
    asked.map(({ operation, dryRun }) => `${operation} ${dryRun}`),
    ['CREATE false', 'UPDATE false', 'DELETE true', 'DELETE false', 'DELETE false'],
  );
  assert.equal(asked[2]?.object, null);
  assert.equal((asked[2]?.oldObject as Review['object'])?.metadata.name, 'a');
  assert.deepEqual((asked[1]?.oldObject as Review['object'])?.data, undefined);
});

test('warnings reach the caller, and no more than are bearable', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(call, { warnings: Array.from({ length: 1000 }, (_, i) => `careful ${i}`) }),
  );
  await register(api, 'Validating', [{ server }]);
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  const { status, headers } = await api.call('POST', CONFIG_MAPS, { body });
  assert.equal(status, 201);
  assert.match(String(headers.warning), /^299 - "careful 0"/);
  assert.ok(String(headers.warning).length < 4096);
});

test('selectors and match policy decide who is asked', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, {}));
  const hpas = {
    apiGroups: ['autoscaling'],
    apiVersions: ['v1'],
    resources: ['horizontalpodautoscalers'],
    operations: ['CREATE'],
  };
  await register(api, 'Validating', [
    {
      server,
      rules: [hpas],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
    },
    { server, rules: [hpas], matchPolicy: 'Exact' },
    { server, rules: [{ ...hpas, scope: 'Cluster' }] },
  ]);
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const body = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { maxReplicas: 3, scaleTargetRef },
  };
  const made = await api.call('POST', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', {
    body,
  });
  assert.equal(made.status, 201, made.text);
  assert.equal(server.requests.length, 1);
  const [call] = server.requests;
  assert.ok(call);
  const review = reviewOf(call);
  assert.equal((review.object as Json | null)?.apiVersion, 'autoscaling/v1');
  assert.deepEqual(review.resource, {
    group: 'autoscaling',
    version: 'v1',
    resource: 'horizontalpodautoscalers',
  });
  assert.deepEqual(review.requestResource, {
    group: 'autoscaling',
    version: 'v2',
    resource: 'horizontalpodautoscalers',
  });
});

test('no webhook stands between an administrator and webhook configurations', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, { allowed: false }));
  const all = { apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'] };
  await register(api, 'Validating', [{ server, rules: [all] }]);
  await register(api, 'Mutating', [{ server, rules: [all] }]);
  assert.equal((await createMap(api, 'a')).status, 400);
  for (const type of ['mutating', 'validating'])
    assert.equal(
      (await api.call('DELETE', `/apis/admissionregistration.k8s.io/v1/${type}webhookconfigurations`)).status,
      200,
    );
  const views = ['mutating', 'validating'].map((type) =>
    api.live.of(`${type}webhookconfigurations.admissionregistration.k8s.io`),
  );
  await waitFor(() => views.every((view) => [...view.values()].length === 0));
  assert.equal((await createMap(api, 'a')).status, 201);
});

test('a connection to a pod is asked about before it is made', async () => {
  await using api = await start();
  await using server = await startWebhook((call) =>
    respond(call, { allowed: false, status: { code: 403, message: 'no shells' } }),
  );
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods/*'], operations: ['CONNECT'] };
  await createPod(api.registry, 'web', 'box');
  await register(api, 'Validating', [{ server, rules: [rule] }]);
  const path = '/api/v1/namespaces/default/pods/web';
  const exec = await api.call(
    'POST',
    `${path}/exec?command=sh&command=-c&stdin=true&stdout=true&container=main`,
  );
  assert.equal(exec.status, 403);
  assert.match(exec.text, /admission webhook \\"hook-0.example.com\\" denied the request: no shells/);
  assert.equal((await api.call('GET', `${path}/proxy/a/b`)).status, 403);
  const [first, second] = server.requests.map((call) => reviewOf(call));
  assert.equal(first?.operation, 'CONNECT');
  assert.equal(first?.subResource, 'exec');
  assert.equal(first?.name, 'web');
  assert.equal(first?.namespace, 'default');
  assert.deepEqual(first?.kind, { group: '', version: 'v1', kind: 'PodExecOptions' });
  assert.deepEqual(first?.object as unknown, {
    kind: 'PodExecOptions',
    apiVersion: 'v1',
    stdin: true,
    stdout: true,
    container: 'main',
    command: ['sh', '-c'],
  });
  assert.deepEqual(second?.object as unknown, { kind: 'PodProxyOptions', apiVersion: 'v1', path: '/a/b' });
});

test('an eviction and a binding are what they are', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, {}));
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['*/*'], operations: ['*'] };
  await createPod(api.registry, 'web', 'box');
  await register(api, 'Validating', [{ server, rules: [rule] }]);
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'web' } };
  const evicted = await api.call('POST', '/api/v1/namespaces/default/pods/web/eviction', { body });
  assert.equal(evicted.status, 201, evicted.text);
  const asked = server.requests.map((call) => reviewOf(call));
  assert.deepEqual(
    asked.map(({ operation, subResource }) => `${operation} ${subResource}`),
    ['CREATE eviction'],
  );
  assert.deepEqual(asked[0]?.kind, { group: 'policy', version: 'v1', kind: 'Eviction' });
  assert.equal((asked[0]?.object as Json | null)?.kind, 'Eviction');
});

test('match conditions decide before anything is sent', async () => {
  await using api = await start();
  await using server = await startWebhook((call) => respond(call, { allowed: false }));
  const condition = (expression: string) => ({ matchConditions: [{ name: 'c', expression }] });
  await register(api, 'Validating', [
    { server, ...condition("object.metadata.name.startsWith('x-') && request.userInfo.username == 'admin'") },
  ]);
  assert.equal((await createMap(api, 'a')).status, 201);
  assert.equal(server.requests.length, 0);
  assert.equal((await createMap(api, 'x-a')).status, 400);
  await register(api, 'Validating', [{ server, ...condition('object.data.none == "x"') }]);
  const unclear = await createMap(api, 'b');
  assert.equal(unclear.status, 403);
  assert.match(unclear.message ?? '', /configmaps "b" is forbidden: .*no such key/);
});

test('a webhook of the older review is asked and believed in its own way', async () => {
  const { made, requests } = await createWith(
    'Mutating',
    () => {
      const patch = Buffer.from('[{"op":"add","path":"/data","value":{"old":"yes"}}]').toString('base64');
      return { response: { allowed: true, patch } };
    },
    { admissionReviewVersions: ['v1beta1'] },
  );
  assert.equal(made.status, 201, made.message);
  assert.deepEqual(made.data, { old: 'yes' });
  assert.equal(requests[0]?.body.apiVersion, 'admission.k8s.io/v1beta1');
});
