import type { PodDisruptionBudget } from '../../api/types.generated.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { BY_NAMESPACE } from '../informers.ts';
import { expectedPods } from './expected.ts';
import { againAfter, needsExpected, planBudget, podsOf } from './plan.ts';

const BUDGETS = { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets' };

/** Keeps count of how many pods of each budget may be disrupted now. Its keys are namespaces. */
export function disruptionController(parts: ControllerParts): Controller {
  const { informers } = parts;
  const namespaceOf = (key: string) => key.slice(0, key.indexOf('/'));
  return {
    name: 'disruption',
    sources: [
      { informer: informers.budgets, keyOf: namespaceOf },
      {
        informer: informers.pods,
        // Most namespaces have no budget, and nothing to count.
        keyOf: (key) =>
          informers.budgets.byIndex(BY_NAMESPACE, namespaceOf(key)).length > 0 ? namespaceOf(key) : undefined,
      },
    ],
    async reconcile(namespace, signal) {
      const budgets = informers.budgets.byIndex(BY_NAMESPACE, namespace);
      const again: number[] = [];
      for (const budget of budgets) {
        const afterMs = await reconcileBudget(parts, budget, signal);
        if (afterMs !== undefined) again.push(afterMs);
      }
      return again.length === 0 ? undefined : { againAfterMs: Math.min(...again) };
    },
  };
}

/** @returns after how many milliseconds to look again although nothing happened */
async function reconcileBudget(
  { client, informers, kinds, clock }: ControllerParts,
  budget: PodDisruptionBudget,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { name = '', namespace = '', resourceVersion } = budget.metadata ?? {};
  const pods = podsOf(budget, informers.pods.byIndex(BY_NAMESPACE, namespace));
  const expected = needsExpected(budget) ? await expectedPods(client, { kinds, pods, signal }) : undefined;
  const found = { pods, expected, now: clock.now() };
  const planned = planBudget(budget, found);
  if (planned === undefined) return againAfter(budget, found);
  const body = { ...budget, metadata: { ...budget.metadata, resourceVersion }, status: planned.status };
  await client
    .update({ ...BUDGETS, namespace, name, subresource: 'status' }, body, { signal })
    .catch((error) => {
      // It went, or an eviction came between, whose event brings the key again.
      if (!isCode(error, 'NotFound', 'Conflict')) throw error;
    });
  return planned.againAfterMs;
}
