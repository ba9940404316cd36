import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../api/kind.ts';
import { contextOf, kindOf } from '../registry/testing/bench.ts';
import { binding, deployment, must, policy, put, start } from './testing/policies.ts';
import { waitFor } from './testing/wait-for.ts';

test('audit annotations, and the annotation of a failure', async () => {
  await using fixture = await start();
  await put(
    fixture,
    policy({
      validations: [{ expression: 'object.spec.replicas <= 5', message: 'many' }],
      auditAnnotations: [
        { key: 'replicas', valueExpression: "'replicas: ' + string(object.spec.replicas)" },
        { key: 'nothing', valueExpression: 'null' },
        { key: 'empty', valueExpression: "'  '" },
      ],
    }),
    binding({ validationActions: ['Audit'] }),
    binding({ validationActions: ['Audit'] }, 'second'),
  );
  const noted: Record<string, string> = {};
  const context = {
    ...contextOf(),
    annotate: (key: string, value: string) => {
      noted[key] = value;
    },
  };
  const target = { kind: kindOf('apps', 'v1', 'deployments'), namespace: 'default' };
  await fixture.registry.create(context, target, deployment(6) as ApiObject);
  assert.equal(noted['demo-policy.example.com/replicas'], 'replicas: 6');
  assert.deepEqual(JSON.parse(noted['validation.policy.admission.k8s.io/validation_failure'] ?? ''), [
    {
      message: 'many',
      policy: 'demo-policy.example.com',
      binding: 'second',
      expressionIndex: 0,
      validationActions: ['Audit'],
    },
  ]);
  assert.equal(Object.keys(noted).length, 2);
});

test('custom kinds as what is checked and as parameters, which come and go', async () => {
  await using fixture = await start();
  const crd = (plural: string, kind: string, scope: string) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      names: { plural, singular: plural.slice(0, -1), kind, listKind: `${kind}List` },
      scope,
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          },
        },
      ],
    },
  });
  // In a whole server the CRD controller says so.
  const accept = async (name: string) => {
    const conditions = [{ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: '' }];
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patch = { headers, body: { status: { conditions } } };
    await must(fixture.call('PATCH', `${crds}/${name}/status`, patch), 200);
  };
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const rules = [
    { apiGroups: ['example.com'], apiVersions: ['*'], operations: ['*'], resources: ['widgets'] },
  ];
  await must(fixture.call('POST', crds, { body: crd('widgets', 'Widget', 'Cluster') }), 201);
  await accept('widgets.example.com');
  await put(
    fixture,
    policy({
      paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' },
      matchConstraints: { resourceRules: rules },
      validations: [
        {
          expression:
            'request.operation == "DELETE" || object.spec.size <= params.spec.max && namespaceObject == null',
        },
      ],
    }),
    binding({ paramRef: { name: 'one', parameterNotFoundAction: 'Deny' } }),
  );
  const widgets = '/apis/example.com/v1/widgets';
  const widget = (name: string, size: number) => ({
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name },
    spec: { size },
  });
  const make = (name: string, size: number) => fixture.call('POST', widgets, { body: widget(name, size) });
  await waitFor(async () => (await fixture.call('GET', widgets)).status === 200);
  assert.match(
    String((await must(make('a', 1), 422)).message),
    /failed to configure policy: failed to find resource referenced by paramKind: 'example.com\/v1, Kind=Limit'$/,
  );
  await must(fixture.call('POST', crds, { body: crd('limits', 'Limit', 'Cluster') }), 201);
  await accept('limits.example.com');
  const limit = {
    apiVersion: 'example.com/v1',
    kind: 'Limit',
    metadata: { name: 'one' },
    spec: { max: 3 },
  };
  await waitFor(
    async () => (await fixture.call('POST', '/apis/example.com/v1/limits', { body: limit })).status === 201,
  );
  await waitFor(async () => (await make('a', 3)).status === 201);
  assert.match(
    String((await must(make('b', 4), 422)).message),
    /widgets\.example\.com "b" is forbidden: .*failed expression/,
  );
  await must(fixture.call('DELETE', `${widgets}/a`), 200);
});
