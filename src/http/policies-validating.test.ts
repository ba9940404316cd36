import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ADMISSION,
  binding,
  create,
  DEPLOYMENTS,
  type Json,
  must,
  policy,
  put,
  start,
} from './testing/policies.ts';
import { waitFor } from './testing/wait-for.ts';

test('a policy denies in upstream words, and what it allows passes', async () => {
  await using fixture = await start();
  await put(fixture, policy({ validations: [{ expression: 'object.spec.replicas <= 5' }] }), binding());
  const status = await must(create(fixture, 6), 422);
  const words =
    "ValidatingAdmissionPolicy 'demo-policy.example.com' with binding 'demo-binding-test.example.com' denied request: failed expression: object.spec.replicas <= 5";
  assert.equal(status.message, `deployments.apps "nginx" is forbidden: ${words}`);
  assert.equal(status.reason, 'Invalid');
  assert.deepEqual((status.details as Json).causes, [{ message: words }]);
  assert.equal((status.details as Json).kind, 'deployments');
  await must(create(fixture, 5), 201);
  const patch = {
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { spec: { replicas: 7 } },
  };
  await must(fixture.call('PATCH', `${DEPLOYMENTS}/nginx`, patch), 422);
  // What no rule names is not looked at: the scale subresource.
  const scale = await must(fixture.call('GET', `${DEPLOYMENTS}/nginx/scale`), 200);
  const body = { ...scale, spec: { replicas: 9 } };
  await must(fixture.call('PUT', `${DEPLOYMENTS}/nginx/scale`, { body }), 200);
  await must(
    fixture.call('DELETE', `${ADMISSION}/validatingadmissionpolicybindings/demo-binding-test.example.com`),
    200,
  );
  await waitFor(async () => (await create(fixture, 8, { name: 'later' })).status === 201);
});

test('messages, reasons, variables and the namespace', async () => {
  await using fixture = await start();
  await put(
    fixture,
    policy({
      variables: [
        { name: 'replicas', expression: 'object.spec.replicas' },
        {
          name: 'foo',
          expression: "'foo' in object.metadata.?labels.orValue({}) ? object.metadata.labels.foo : 'default'",
        },
        { name: 'twice', expression: 'variables.replicas * 2' },
      ],
      validations: [
        {
          expression:
            "namespaceObject.metadata.name == 'default' && request.operation in ['CREATE', 'UPDATE']",
        },
        {
          expression: 'variables.twice <= 10',
          messageExpression: "'too many: ' + string(variables.replicas)",
          reason: 'Forbidden',
        },
        { expression: "variables.foo != 'bad'", message: '  no bad foo ' },
        {
          expression: "request.userInfo.username != 'admin' || variables.foo != 'who'",
          messageExpression: "'two\\nlines'",
          message: 'plain',
        },
      ],
    }),
    binding(),
  );
  const many = await must(create(fixture, 6), 403);
  assert.equal(many.reason, 'Forbidden');
  assert.match(String(many.message), /denied request: too many: 6$/);
  assert.match(
    String((await must(create(fixture, 1, { labels: { foo: 'bad' } }), 422)).message),
    /: no bad foo$/,
  );
  assert.match(String((await must(create(fixture, 1, { labels: { foo: 'who' } }), 422)).message), /: plain$/);
  await must(create(fixture, 1, { labels: { foo: 'good' } }), 201);
});

test('conditions, errors and the failure policy', async () => {
  await using fixture = await start();
  const broken = {
    matchConditions: [
      {
        name: 'not-exempt',
        expression: "!has(object.metadata.labels) || !('exempt' in object.metadata.labels)",
      },
    ],
    validations: [{ expression: 'object.spec.nope > 1' }],
  };
  await put(fixture, policy(broken), binding());
  const status = await must(create(fixture, 1), 422);
  assert.match(
    String(status.message),
    /denied request: expression 'object\.spec\.nope > 1' resulted in error: no such key: nope$/,
  );
  await must(create(fixture, 1, { name: 'exempt', labels: { exempt: 'yes' } }), 201);
  const policies = `${ADMISSION}/validatingadmissionpolicies/demo-policy.example.com`;
  const ignore = {
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { spec: { failurePolicy: 'Ignore' } },
  };
  await must(fixture.call('PATCH', policies, ignore), 200);
  await waitFor(async () => (await create(fixture, 1)).status === 201);
});

test('warnings instead of a denial', async () => {
  await using fixture = await start();
  await put(
    fixture,
    policy({ validations: [{ expression: 'object.spec.replicas <= 5', message: 'many' }] }),
    binding({ validationActions: ['Warn', 'Audit'] }),
  );
  const answer = await create(fixture, 6);
  assert.equal(answer.status, 201);
  assert.match(
    String(answer.headers.warning),
    /299 - "Validation failed for ValidatingAdmissionPolicy 'demo-policy\.example\.com' with binding 'demo-binding-test\.example\.com': many"/,
  );
});

test('parameters by name and by selector, and what happens without', async () => {
  await using fixture = await start();
  const limits = (name: string, max: string, labels: Json = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels },
    data: { max },
  });
  await put(
    fixture,
    limits('small', '3'),
    limits('a', '4', { tier: 'x' }),
    limits('b', '2', { tier: 'x' }),
    policy({
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        {
          expression: 'object.spec.replicas <= int(params.data.max)',
          messageExpression: "'at most ' + params.data.max + ' by ' + params.metadata.name",
        },
      ],
    }),
    binding({ paramRef: { name: 'small', namespace: 'default', parameterNotFoundAction: 'Deny' } }),
  );
  assert.match(String((await must(create(fixture, 4), 422)).message), /: at most 3 by small$/);
  await must(create(fixture, 3), 201);
  const path = `${ADMISSION}/validatingadmissionpolicybindings/demo-binding-test.example.com`;
  const rebind = async (paramRef: Json) => {
    const found = await must(fixture.call('GET', path), 200);
    const body = { ...found, spec: { ...(found.spec as Json), paramRef } };
    const { metadata } = await must(fixture.call('PUT', path, { body }), 200);
    const { resourceVersion } = metadata as { resourceVersion: string };
    const live = fixture.live.of('validatingadmissionpolicybindings.admissionregistration.k8s.io');
    await waitFor(
      () => live.get('', 'demo-binding-test.example.com')?.metadata.resourceVersion === resourceVersion,
    );
  };
  await rebind({ selector: { matchLabels: { tier: 'x' } }, parameterNotFoundAction: 'Deny' });
  assert.match(String((await must(create(fixture, 3, { name: 'n' }), 422)).message), /: at most 2 by b$/);
  await rebind({ name: 'gone', parameterNotFoundAction: 'Deny' });
  assert.match(
    String((await must(create(fixture, 1, { name: 'n' }), 422)).message),
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  );
  await rebind({ name: 'gone', parameterNotFoundAction: 'Allow' });
  await must(create(fixture, 9, { name: 'n' }), 201);
});

test('an authorizer is asked, and its answer is waited for', async () => {
  await using fixture = await start();
  await put(
    fixture,
    policy({
      validations: [
        {
          expression:
            "authorizer.group('apps').resource('deployments').namespace('default').check('escalate').allowed()",
        },
      ],
    }),
    binding(),
  );
  await must(create(fixture, 1), 201);
  const other = policy(
    {
      validations: [
        {
          expression:
            "authorizer.requestResource.check('create').allowed() && authorizer.serviceAccount('default', 'nobody').group('apps').resource('deployments').check('create').allowed()",
          message: 'nobody may',
        },
      ],
    },
    'other',
  );
  await put(fixture, other, binding({ policyName: 'other' }, 'other'));
  assert.match(String((await must(create(fixture, 1, { name: 'n' }), 422)).message), /: nobody may$/);
});

test('selectors of policy and binding, excluded rules and resource names', async () => {
  await using fixture = await start();
  const matchConstraints = {
    resourceRules: [
      { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['deployments'] },
    ],
    excludeResourceRules: [
      {
        apiGroups: ['apps'],
        apiVersions: ['v1'],
        operations: ['CREATE'],
        resources: ['deployments'],
        resourceNames: ['free'],
      },
    ],
    objectSelector: { matchLabels: { checked: 'yes' } },
  };
  await put(
    fixture,
    policy({ matchConstraints, validations: [{ expression: 'false' }] }),
    binding(
      { matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } } },
      'elsewhere',
    ),
  );
  const checked = { labels: { checked: 'yes' } };
  await must(create(fixture, 1, { name: 'a', ...checked }), 201);
  await put(fixture, binding());
  await must(create(fixture, 1, { name: 'b' }), 201);
  await must(create(fixture, 1, { name: 'free', ...checked }), 201);
  await must(create(fixture, 1, { name: 'c', ...checked }), 422);
  await must(fixture.call('DELETE', `${DEPLOYMENTS}/a`), 422);
});

test('an expression that costs too much fails within the time of one request', async () => {
  await using fixture = await start();
  const ten = '[0,1,2,3,4,5,6,7,8,9]';
  const deep = Array.from({ length: 9 }, (_, i) => `${ten}.all(v${i}, `)
    .concat('true', ')'.repeat(9))
    .join('');
  await put(fixture, policy({ validations: [{ expression: deep }] }), binding());
  const began = performance.now();
  assert.match(String((await must(create(fixture, 1), 422)).message), /actual cost limit exceeded$/);
  assert.ok(performance.now() - began < 2000);
});
