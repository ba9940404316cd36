import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition } from '../../api/types.generated.ts';
import { planStatus, type TakenNames } from './plan.ts';

const now = '2026-01-01T00:00:00Z';
const names = { kind: 'Foo', listKind: 'FooList', plural: 'foos', singular: 'foo' };
const none = { resources: new Set<string>(), kinds: new Set<string>() };

function crd(status?: CustomResourceDefinition['status']): CustomResourceDefinition {
  const base = {
    metadata: { name: 'foos.x.io' },
    spec: { group: 'x.io', names, scope: 'Cluster', versions: [] },
  };
  return status === undefined ? base : { ...base, status };
}

function summary(status: ReturnType<typeof planStatus>) {
  return status?.conditions.map(({ type, status: said, reason }) => `${type}=${said} ${reason}`);
}

test('names are accepted first, then the kind is established when it is served', () => {
  const first = planStatus(crd(), { taken: none, served: false, now });
  assert.deepEqual(summary(first), ['NamesAccepted=True NoConflicts', 'Established=False Installing']);
  assert.deepEqual(first?.acceptedNames, names);
  const asWritten = { ...first, conditions: [...(first?.conditions ?? [])], acceptedNames: names };
  const second = planStatus(crd(asWritten), { taken: none, served: true, now });
  assert.deepEqual(summary(second), [
    'NamesAccepted=True NoConflicts',
    'Established=True InitialNamesAccepted',
  ]);
  const done = { conditions: [...(second?.conditions ?? [])], acceptedNames: names };
  assert.equal(planStatus(crd(done), { taken: none, served: true, now }), undefined);
});

const REFUSED: readonly [TakenNames, string, object][] = [
  [{ ...none, resources: new Set(['foos']) }, 'PluralConflict', { ...names, plural: '' }],
  [{ ...none, resources: new Set(['foo']) }, 'SingularConflict', { ...names, singular: undefined }],
  [{ ...none, kinds: new Set(['Foo']) }, 'KindConflict', { ...names, kind: '' }],
  [{ ...none, kinds: new Set(['FooList']) }, 'ListKindConflict', { ...names, listKind: undefined }],
];
for (const [taken, reason, left] of REFUSED)
  test(`a name that is taken is not accepted, the others are: ${reason}`, () => {
    const status = planStatus(crd(), { taken, served: false, now });
    assert.deepEqual(summary(status), [`NamesAccepted=False ${reason}`, 'Established=False NotAccepted']);
    assert.deepEqual({ ...left, ...status?.acceptedNames }, left);
  });

test('who lost a short name keeps the ones it had and stays established', () => {
  const had = { ...names, shortNames: ['f'] };
  const conditions = [
    { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
    { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: '' },
  ];
  const now_ = crd({ acceptedNames: had, conditions, storedVersions: ['v1'] });
  const wants = { ...now_, spec: { ...now_.spec, names: { ...names, shortNames: ['f', 'po'] } } };
  const status = planStatus(wants, { taken: { ...none, resources: new Set(['po']) }, served: true, now });
  assert.deepEqual(summary(status), [
    'NamesAccepted=False ShortNamesConflict',
    'Established=True InitialNamesAccepted',
  ]);
  assert.deepEqual(status?.acceptedNames, had);
});

function conditionOf(definition: CustomResourceDefinition, type: string) {
  const { conditions } = planStatus(definition, { taken: none, served: true, now }) ?? { conditions: [] };
  const found = conditions.find((one) => one.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
}

test('a stored schema that is not structural is said to be so', () => {
  const openAPIV3Schema = { type: 'object', properties: { a: {} } };
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }];
  const definition = { ...crd(), spec: { ...crd().spec, versions } };
  assert.equal(conditionOf(definition, 'NonStructuralSchema'), 'True Violations');
  assert.equal(conditionOf(crd(), 'NonStructuralSchema'), undefined);
});

test('a group of Kubernetes says whether it was approved', () => {
  const of = (annotation?: string) => {
    const annotations = annotation === undefined ? {} : { 'api-approved.kubernetes.io': annotation };
    const definition = {
      ...crd(),
      metadata: { name: 'foos.x.k8s.io', annotations },
      spec: { ...crd().spec, group: 'x.k8s.io' },
    };
    return conditionOf(definition, 'KubernetesAPIApprovalPolicyConformant');
  };
  assert.equal(of('https://github.com/kubernetes/kubernetes/pull/1'), 'True ApprovedAnnotation');
  assert.equal(of('unapproved, experimental'), 'False UnapprovedAnnotation');
  assert.equal(of('yes'), 'False InvalidAnnotation');
  assert.equal(of(), 'False MissingAnnotation');
  assert.equal(conditionOf(crd(), 'KubernetesAPIApprovalPolicyConformant'), undefined);
});

test('a bundle that holds no certificate keeps a CRD from being established', () => {
  const caBundle = Buffer.from('no certificate').toString('base64');
  const webhook = { clientConfig: { url: 'https://a/', caBundle }, conversionReviewVersions: ['v1'] };
  const definition = { ...crd(), spec: { ...crd().spec, conversion: { strategy: 'Webhook', webhook } } };
  assert.equal(conditionOf(definition, 'Established'), 'False InvalidCABundle');
});
