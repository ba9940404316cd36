import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from '../../api/kinds.ts';
import type { ValidatingAdmissionPolicySpec } from '../../api/types.generated.ts';
import { checkTypes, planPolicyStatus } from './plan.ts';

const kinds = createKindTable();

function spec(expressions: readonly string[], more: Partial<ValidatingAdmissionPolicySpec> = {}) {
  return {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ['apps'],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['deployments', 'replicasets'],
        },
      ],
    },
    validations: expressions.map((expression) => ({ expression })),
    ...more,
  };
}

test('a field that a kind does not have is warned of, for each kind', () => {
  const fault = "ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^\n";
  assert.deepEqual(checkTypes(spec(['object.replicas > 1', 'object.spec.replicas > 1']), kinds), [
    {
      fieldRef: 'spec.validations[0].expression',
      warning: `apps/v1, Kind=Deployment: ${fault}\napps/v1, Kind=ReplicaSet: ${fault}`,
    },
  ]);
});

test('types of built-in kinds, of variables and of parameters', () => {
  const fine = [
    'object.metadata.labels["app"] == "x" && has(object.metadata.creationTimestamp)',
    'object.spec.template.spec.containers.all(c, c.image.startsWith("x") && !has(c.ports))',
    'object.metadata.creationTimestamp < timestamp("2024-01-01T00:00:00Z")',
    'oldObject == null || oldObject.spec.replicas <= object.spec.replicas',
    'variables.n > int(params.data.max)',
    'quantity(string(object.spec.template.spec.containers[0].resources.limits["cpu"])).isLessThan(quantity("1"))',
  ];
  const more = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    variables: [{ name: 'n', expression: 'object.spec.replicas + 1' }],
  };
  assert.deepEqual(checkTypes(spec(fine, more), kinds), []);
  const [wrong] = checkTypes(spec(['variables.n == "x"'], more), kinds);
  assert.match(wrong?.warning ?? '', /no matching overload for '_==_' applied to '\(int, string\)'/);
});

test('wildcards are not checked, and the status says for which generation', () => {
  const wild = spec(['object.nope'], {
    matchConstraints: {
      resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }],
    },
  });
  const policy = { metadata: { name: 'p', generation: 2 }, spec: wild, status: { observedGeneration: 1 } };
  assert.deepEqual(planPolicyStatus(policy, kinds), { observedGeneration: 2, typeChecking: {} });
  assert.equal(planPolicyStatus({ ...policy, status: { observedGeneration: 2 } }, kinds), undefined);
});
