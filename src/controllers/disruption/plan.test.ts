import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../api/types.generated.ts';
import { planBudget, podsOf } from './plan.ts';

const now = Date.parse('2026-01-01T00:10:00Z');

function pods(ready: number, unready = 0): Pod[] {
  return Array.from({ length: ready + unready }, (_, index) => ({
    metadata: { name: `p${index}`, labels: { a: 'b' } },
    status: { conditions: [{ type: 'Ready', status: index < ready ? 'True' : 'False' }] },
  }));
}

function budget(spec: PodDisruptionBudgetSpec, status?: PodDisruptionBudget['status']): PodDisruptionBudget {
  const base = { metadata: { name: 'b', generation: 3 }, spec };
  return status === undefined ? base : { ...base, status };
}

const CASES: readonly [
  spec: PodDisruptionBudgetSpec,
  found: { ready: number; unready?: number; expected?: number | string },
  status: string,
][] = [
  [{ minAvailable: 2 }, { ready: 3 }, 'allowed 1, healthy 3 of 2, expected 3, SufficientPods'],
  [{ minAvailable: 2 }, { ready: 2, unready: 2 }, 'allowed 0, healthy 2 of 2, expected 4, InsufficientPods'],
  [
    { minAvailable: '50%' },
    { ready: 4, expected: 5 },
    'allowed 1, healthy 4 of 3, expected 5, SufficientPods',
  ],
  [{ maxUnavailable: 1 }, { ready: 3, expected: 3 }, 'allowed 1, healthy 3 of 2, expected 3, SufficientPods'],
  [
    { maxUnavailable: '25%' },
    { ready: 5, expected: 5 },
    'allowed 2, healthy 5 of 3, expected 5, SufficientPods',
  ],
  [{ maxUnavailable: 9 }, { ready: 1, expected: 3 }, 'allowed 1, healthy 1 of 0, expected 3, SufficientPods'],
  [{ minAvailable: 0 }, { ready: 0 }, 'allowed 0, healthy 0 of 0, expected 0, InsufficientPods'],
  [
    { maxUnavailable: 1 },
    { ready: 3, expected: 'no owner' },
    'allowed 0, healthy 0 of 0, expected 0, SyncFailed no owner',
  ],
];
for (const [spec, { ready, unready = 0, expected }, wanted] of CASES)
  test(`${JSON.stringify(spec)} of ${ready} ready and ${unready} others`, () => {
    const planned = planBudget(budget(spec), { pods: pods(ready, unready), expected, now });
    const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, conditions } =
      planned?.status ?? {};
    const [condition] = conditions ?? [];
    const reason = [condition?.reason, condition?.message].filter((word) => word !== '').join(' ');
    assert.equal(
      `allowed ${disruptionsAllowed}, healthy ${currentHealthy} of ${desiredHealthy}, expected ${expectedPods}, ${reason}`,
      wanted,
    );
    assert.equal(planned?.status.observedGeneration, 3);
  });

test('an evicted pod is none for two minutes, until it is seen to go; a status that is right is not written again', () => {
  const disruptedPods = {
    p0: '2026-01-01T00:09:00Z',
    p1: '2026-01-01T00:07:00Z',
    gone: '2026-01-01T00:09:59Z',
  };
  const spec = { minAvailable: 1 };
  const found = { pods: pods(3), expected: undefined, now };
  const planned = planBudget(budget(spec, { disruptedPods }), found);
  assert.deepEqual(planned?.status.disruptedPods, { p0: '2026-01-01T00:09:00Z' });
  assert.equal(planned?.status.currentHealthy, 2);
  assert.equal(planned?.againAfterMs, 60_000);
  assert.equal(planBudget(budget(spec, planned?.status), found), undefined);
});

test('a budget without a selector is about no pod, one with an empty selector about all', () => {
  assert.equal(podsOf(budget({}), pods(2)).length, 0);
  assert.equal(podsOf(budget({ selector: {} }), pods(2)).length, 2);
  assert.equal(podsOf(budget({ selector: { matchLabels: { a: 'c' } } }), pods(2)).length, 0);
});
