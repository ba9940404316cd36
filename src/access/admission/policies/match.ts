import type { Kind } from '../../../api/kind.ts';
import { fromLabelSelector, type Selector } from '../../../api/label-selector.ts';
import type { MatchResources, NamedRuleWithOperations } from '../../../api/types.generated.ts';
import type { AdmissionRequest } from '../admission.ts';
import { compileRule, matchesNamespace, matchesObject, matchRules, type Rule } from '../match-rules.ts';

interface NamedRule extends Rule {
  /** Empty: any. */
  readonly names: readonly string[];
}

/** `matchConstraints` of a policy or `matchResources` of a binding, ready to be compared. */
export interface Match {
  readonly namespaces: Selector;
  readonly objects: Selector;
  readonly rules: readonly NamedRule[];
  readonly excluded: readonly NamedRule[];
  readonly isEquivalent: boolean;
}

/** @throws BadRequest for a selector that is none */
export function compileMatch(match: MatchResources | undefined): Match {
  return {
    namespaces: fromLabelSelector(match?.namespaceSelector ?? {}),
    objects: fromLabelSelector(match?.objectSelector ?? {}),
    rules: (match?.resourceRules ?? []).map(namedRule),
    excluded: (match?.excludeResourceRules ?? []).map(namedRule),
    isEquivalent: match?.matchPolicy !== 'Exact',
  };
}

function namedRule(rule: NamedRuleWithOperations): NamedRule {
  const { resourceNames = [], apiGroups = [], apiVersions = [], resources = [], operations = [] } = rule;
  const plain = { apiGroups, apiVersions, resources, operations };
  return {
    ...compileRule({ ...plain, ...(rule.scope === undefined ? {} : { scope: rule.scope }) }),
    names: resourceNames,
  };
}

/**
 * The resource by which the request matches; undefined: it does not. A binding without rules matches as its policy.
 * @throws NotFound for a namespace that is not there
 */
export async function matches(match: Match, request: AdmissionRequest): Promise<Kind | undefined> {
  const { isEquivalent } = match;
  const named = (rules: readonly NamedRule[]) =>
    rules.filter(({ names }) => names.length === 0 || names.includes(request.name));
  const rules = named(match.rules);
  const as = match.rules.length === 0 ? request.asked : matchRules(request, { rules, isEquivalent });
  if (as === undefined || !matchesObject(request, match.objects)) return undefined;
  const excluded = named(match.excluded);
  if (excluded.length > 0 && matchRules(request, { rules: excluded, isEquivalent }) !== undefined)
    return undefined;
  return (await matchesNamespace(request, match.namespaces)) ? as : undefined;
}
