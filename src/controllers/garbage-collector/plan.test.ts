import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CollectorStep, type OwnerState, planDependent } from './plan.ts';

interface Case {
  readonly owners: readonly OwnerState[];
  readonly finalizers?: string[];
  /** Left out: it has none. */
  readonly dependents?: 'waiting' | 'other';
  readonly steps: readonly CollectorStep[];
}

const CASES: readonly Case[] = [
  { owners: ['solid'], steps: [] },
  { owners: ['solid', 'absent'], steps: [{ kind: 'drop-owners', uids: ['1'] }] },
  { owners: ['absent', 'solid', 'waiting'], steps: [{ kind: 'drop-owners', uids: ['0', '2'] }] },
  { owners: ['absent'], steps: [{ kind: 'delete', propagationPolicy: 'Background' }] },
  { owners: ['absent'], finalizers: ['orphan'], steps: [{ kind: 'delete', propagationPolicy: 'Orphan' }] },
  {
    owners: ['absent'],
    finalizers: ['foregroundDeletion'],
    steps: [{ kind: 'delete', propagationPolicy: 'Foreground' }],
  },
  { owners: ['waiting'], steps: [{ kind: 'delete', propagationPolicy: 'Background' }] },
  { owners: ['waiting'], dependents: 'other', steps: [{ kind: 'delete', propagationPolicy: 'Foreground' }] },
  {
    owners: ['waiting', 'absent'],
    dependents: 'waiting',
    steps: [{ kind: 'unblock' }, { kind: 'delete', propagationPolicy: 'Foreground' }],
  },
];

for (const { owners, finalizers = [], dependents, steps } of CASES)
  test(`owners ${owners}, finalizers [${finalizers}], dependents ${dependents ?? 'none'}`, () => {
    const ownerReferences = owners.map((_, index) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      name: 'a',
      uid: `${index}`,
    }));
    const found = {
      states: new Map(owners.map((state, index) => [`${index}`, state])),
      hasDependents: dependents !== undefined,
      dependentWaits: dependents === 'waiting',
    };
    assert.deepEqual(planDependent({ name: 'b', ownerReferences, finalizers }, found), steps);
  });
