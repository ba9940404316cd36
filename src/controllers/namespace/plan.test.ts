import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Namespace } from '../../api/types.generated.ts';
import { planConditions } from './plan.ts';

const namespace: Namespace = { metadata: { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z' } };
const now = '2026-01-01T00:00:00Z';
const hold = { resource: 'configmaps.', count: 2, finalizers: new Map([['example.com/hold', 2]]) };
const widgets = { resource: 'widgets.example.com', count: 1, finalizers: new Map([['example.com/hold', 1]]) };

test('what remains and its finalizers are named', () => {
  const conditions = planConditions(namespace, { remaining: [widgets, hold], failures: ['no'], now });
  assert.deepEqual(
    conditions?.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`),
    [
      'NamespaceDeletionDiscoveryFailure=False ResourcesDiscovered: All resources successfully discovered',
      'NamespaceDeletionGroupVersionParsingFailure=False ParsedGroupVersions: All legacy kube types successfully parsed',
      'NamespaceDeletionContentFailure=True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: no',
      'NamespaceContentRemaining=True SomeResourcesRemain: Some resources are remaining: configmaps. has 2 resource instances, widgets.example.com has 1 resource instances',
      'NamespaceFinalizersRemaining=True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances',
    ],
  );
});

test('conditions that are there already are not written again, and only what changed gets a new time', () => {
  const remaining = [hold];
  const first = planConditions(namespace, { remaining, failures: [], now }) ?? [];
  const written = { ...namespace, status: { conditions: first } };
  assert.equal(planConditions(written, { remaining, failures: [], now: 'later' }), undefined);
  const second = planConditions(written, { remaining: [], failures: [], now: 'later' });
  const changed = second?.filter(({ lastTransitionTime }) => lastTransitionTime === 'later');
  assert.deepEqual(
    changed?.map(({ type }) => type),
    ['NamespaceContentRemaining', 'NamespaceFinalizersRemaining'],
  );
});
