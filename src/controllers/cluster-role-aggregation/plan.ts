import { equalJson } from '../../api/json.ts';
import { fromLabelSelector, matchesLabels } from '../../api/label-selector.ts';
import type { ClusterRole, PolicyRule } from '../../api/types.generated.ts';

/**
 * The rules that an aggregated role gathers, each once and in the order of the roles' names; undefined when it has
 * them already or gathers none.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
 */
export function planAggregation(
  role: ClusterRole,
  all: readonly ClusterRole[],
): readonly PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const rules = new Map<string, PolicyRule>();
  for (const selector of selectors.map(fromLabelSelector)) {
    const chosen = all.filter(
      ({ metadata }) => metadata?.name !== role.metadata?.name && matchesLabels(selector, metadata?.labels),
    );
    chosen.sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
    for (const rule of chosen.flatMap((one) => one.rules ?? []))
      if (!rules.has(JSON.stringify(rule))) rules.set(JSON.stringify(rule), rule);
  }
  const gathered = [...rules.values()];
  return equalJson(gathered, role.rules ?? []) ? undefined : gathered;
}
