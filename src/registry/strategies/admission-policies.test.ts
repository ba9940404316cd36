import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { bench, kindOf } from '../testing/bench.ts';

const GROUP = 'admissionregistration.k8s.io';
type Json = Record<string, unknown>;

/** `field: message` of everything that is wrong with the object. */
async function faults(resource: string, kind: string, spec: Json): Promise<string[]> {
  const { registry, context } = bench();
  const given = { apiVersion: `${GROUP}/v1`, kind, metadata: { name: 'p' }, spec };
  const object = JSON.parse(JSON.stringify(given)) as ApiObject; // Without what is undefined.
  try {
    await registry.create(context, { kind: kindOf(GROUP, 'v1', resource), namespace: '' }, object);
    return [];
  } catch (error) {
    assert.ok(error instanceof AmphoraError, String(error));
    assert.equal(error.code, 'Invalid', error.message);
    return error.details.map(({ field, message }) => `${field}: ${message}`);
  }
}

const RULE = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
const MATCHES = { matchConstraints: { resourceRules: [RULE] } };

const validating = (spec: Json) =>
  faults('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', {
    ...MATCHES,
    validations: [{ expression: 'true' }],
    ...spec,
  });
const mutating = (spec: Json) =>
  faults('mutatingadmissionpolicies', 'MutatingAdmissionPolicy', { ...MATCHES, ...spec });
const bound = (spec: Json) =>
  faults('validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', {
    policyName: 'p',
    validationActions: ['Deny'],
    ...spec,
  });

test('a validating policy is refused at upstream paths in upstream words', async () => {
  assert.deepEqual(await validating({}), []);
  assert.deepEqual(await validating({ validations: [{ expression: 'object.x > y' }] }), [
    `spec.validations[0].expression: Invalid value: "object.x > y": compilation failed: ERROR: <input>:1:12: undeclared reference to 'y' (in container '')\n | object.x > y\n | ...........^`,
  ]);
  assert.deepEqual(await validating({ validations: [{ expression: "'a' + 'b'" }] }), [
    `spec.validations[0].expression: Invalid value: "'a' + 'b'": must evaluate to bool but got string`,
  ]);
  assert.deepEqual(await validating({ validations: [{ expression: ' ' }] }), [
    'spec.validations[0].expression: Required value: expression is not specified',
  ]);
  assert.deepEqual(await validating({ matchConstraints: undefined }), [
    'spec.matchConstraints: Required value',
  ]);
  assert.deepEqual(
    await validating({ matchConstraints: { resourceRules: [{ ...RULE, operations: ['*', 'CREATE'] }] } }),
    [
      `spec.matchConstraints.resourceRules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
    ],
  );
  assert.deepEqual(await validating({ paramKind: { apiVersion: 'v1' } }), [
    'spec.paramKind.kind: Required value',
  ]);
  assert.deepEqual(await validating({ validations: [] }), [
    'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
  ]);
  assert.deepEqual(await validating({ validations: [{ expression: 'true', reason: 'Because' }] }), [
    'spec.validations[0].reason: Unsupported value: "Because": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"',
  ]);
});

test('what an expression may name depends on where it stands', async () => {
  const [noParams] = await validating({ validations: [{ expression: 'params.x' }] });
  assert.match(noParams ?? '', /undeclared reference to 'params'/);
  const withParams = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    validations: [{ expression: 'params.x' }],
  };
  assert.deepEqual(await validating(withParams), []);
  const variables = [
    { name: 'a', expression: '1' },
    { name: 'b', expression: 'variables.a + 1' },
  ];
  assert.deepEqual(await validating({ variables, validations: [{ expression: 'variables.b == 2' }] }), []);
  const [typed] = await validating({ variables, validations: [{ expression: "variables.b == 'x'" }] });
  assert.match(typed ?? '', /no matching overload for '_==_' applied to '\(int, string\)'/);
  const [later] = await validating({ variables: variables.toReversed() });
  assert.match(later ?? '', /spec\.variables\[0\]\.expression: .*undefined field 'a'/s);
  const [message] = await validating({
    validations: [
      { expression: 'true', messageExpression: "string(authorizer.path('/').check('get').allowed())" },
    ],
  });
  assert.match(
    message ?? '',
    /spec\.validations\[0\]\.messageExpression: .*undeclared reference to 'authorizer'/s,
  );
  const [request] = await validating({ validations: [{ expression: 'request.uid == ""' }] });
  assert.match(request ?? '', /undefined field 'uid'/);
  const [struct] = await validating({ validations: [{ expression: 'Object{} == Object{}' }] });
  assert.match(struct ?? '', /undeclared reference to 'Object'/);
});

test('a mutating policy is refused at upstream paths', async () => {
  const apply = (expression: string) => [
    { patchType: 'ApplyConfiguration', applyConfiguration: { expression } },
  ];
  assert.deepEqual(await mutating({ mutations: apply('Object{spec: Object.spec{replicas: 1}}') }), []);
  assert.deepEqual(await mutating({}), [
    'spec.mutations: Required value: mutations must contain at least one item',
  ]);
  assert.deepEqual(await mutating({ mutations: apply('1') }), [
    'spec.mutations[0].applyConfiguration.expression: Invalid value: "1": must evaluate to Object but got int',
  ]);
  const patch = (expression: string) => [{ patchType: 'JSONPatch', jsonPatch: { expression } }];
  assert.deepEqual(await mutating({ mutations: patch('[JSONPatch{op: "add", path: "/a", value: 1}]') }), []);
  assert.match(
    (await mutating({ mutations: patch('[1]') }))[0] ?? '',
    /must evaluate to list\(JSONPatch\) but got list\(int\)/,
  );
  assert.match(
    (await mutating({ mutations: patch('[JSONPatch{nope: 1}]') }))[0] ?? '',
    /undefined field 'nope'/,
  );
  assert.deepEqual(await mutating({ mutations: [{ patchType: 'JSONPatch' }] }), [
    'spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch',
  ]);
});

test('a binding is refused at upstream paths', async () => {
  assert.deepEqual(await bound({}), []);
  assert.deepEqual(await bound({ validationActions: ['Deny', 'Warn'] }), [
    'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
  ]);
  assert.deepEqual(await bound({ paramRef: { name: 'a' } }), [
    'spec.paramRef.parameterNotFoundAction: Required value',
  ]);
  const bad = { matchExpressions: [{ key: 'a', operator: 'Nope' }] };
  assert.match(
    (await bound({ matchResources: { objectSelector: bad } }))[0] ?? '',
    /^spec\.matchResources\.objectSelector\.matchExpressions\[0\]\.operator: /,
  );
  assert.deepEqual(await bound({ paramRef: { parameterNotFoundAction: 'Deny' } }), [
    'spec.paramRef: Required value: one of name or selector must be specified',
  ]);
});
