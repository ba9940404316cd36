import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition } from '../../api/types.generated.ts';
import { planStatus } from './plan.ts';

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

for (const [taken, reason] of [
  [{ ...none, resources: new Set(['foos']) }, 'PluralConflict'],
  [{ ...none, resources: new Set(['foo']) }, 'SingularConflict'],
  [{ ...none, kinds: new Set(['Foo']) }, 'KindConflict'],
  [{ ...none, kinds: new Set(['FooList']) }, 'ListKindConflict'],
] as const)
  test(`a name that is taken is not accepted: ${reason}`, () => {
    const status = planStatus(crd(), { taken, served: false, now });
    assert.deepEqual(summary(status), [`NamesAccepted=False ${reason}`, 'Established=False NotAccepted']);
    assert.deepEqual(status?.acceptedNames, { kind: '', plural: '' });
  });
