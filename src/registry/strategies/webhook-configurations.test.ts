import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmphoraError } from '../../lib/errors.ts';
import { bench, kindOf } from '../testing/bench.ts';

const GROUP = 'admissionregistration.k8s.io';
const target = { kind: kindOf(GROUP, 'v1', 'mutatingwebhookconfigurations'), namespace: '' };
const GOOD = {
  name: 'a.example.com',
  clientConfig: { service: { namespace: 'default', name: 'hook' } },
  rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
};

function configuration(...webhooks: Record<string, unknown>[]) {
  const kind = 'MutatingWebhookConfiguration';
  return { apiVersion: `${GROUP}/v1`, kind, metadata: { name: 'hooks' }, webhooks };
}

test('a webhook is filled in', async () => {
  const { registry, context } = bench();
  const made = await registry.create(context, target, configuration(GOOD));
  assert.deepEqual((made.object() as ReturnType<typeof configuration>).webhooks, [
    {
      ...GOOD,
      clientConfig: { service: { namespace: 'default', name: 'hook', port: 443 } },
      rules: [{ ...GOOD.rules[0], scope: '*' }],
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      reinvocationPolicy: 'Never',
      timeoutSeconds: 10,
    },
  ]);
  assert.equal(made.metadata().generation, 1);
});

const CASES: ReadonlyArray<[Record<string, unknown>, string, string]> = [
  [{ name: 'hook' }, 'webhooks[0].name', 'should be a domain with at least three segments separated by dots'],
  [{ clientConfig: {} }, 'webhooks[0].clientConfig', 'exactly one of url or service is required'],
  [
    { clientConfig: { url: 'http://x/' } },
    'webhooks[0].clientConfig.url',
    "'https' is the only allowed URL scheme",
  ],
  [
    { clientConfig: { url: 'https://u:p@x/' } },
    'webhooks[0].clientConfig.url',
    'user information is not permitted',
  ],
  [{ rules: [{ ...GOOD.rules[0], operations: [] }] }, 'webhooks[0].rules[0].operations', 'Required value'],
  [{ sideEffects: 'Some' }, 'webhooks[0].sideEffects', 'supported values: "None", "NoneOnDryRun"'],
  [{ sideEffects: null }, 'webhooks[0].sideEffects', 'Required value'],
  [
    { timeoutSeconds: 31 },
    'webhooks[0].timeoutSeconds',
    'the timeout value must be between 1 and 30 seconds',
  ],
  [{ timeoutSeconds: 0 }, 'webhooks[0].timeoutSeconds', 'the timeout value must be between 1 and 30 seconds'],
  [
    { admissionReviewVersions: ['v9'] },
    'webhooks[0].admissionReviewVersions',
    'must include at least one of v1, v1beta1',
  ],
  [
    { matchConditions: [{ name: 'c', expression: 'object.' }] },
    'webhooks[0].matchConditions[0].expression',
    'compilation failed',
  ],
  [
    { objectSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } },
    'webhooks[0].objectSelector.matchExpressions[0].operator',
    'supported values: "DoesNotExist"',
  ],
];
for (const [change, field, says] of CASES)
  test(`refused: ${JSON.stringify(change)}`, async () => {
    const { registry, context } = bench();
    const error = await registry
      .create(context, target, configuration({ ...GOOD, ...change }))
      .catch((caught) => caught);
    assert.ok(error instanceof AmphoraError && error.code === 'Invalid', String(error));
    const found = error.details.find((detail) => detail.field === field);
    assert.ok(found?.message.includes(says), JSON.stringify(error.details));
  });

test('two webhooks of one name are refused', async () => {
  const { registry, context } = bench();
  await assert.rejects(
    registry.create(context, target, configuration(GOOD, GOOD)),
    /webhooks\[1\]\.name: Duplicate value/,
  );
});
