import type { Kind } from '../../../api/kind.ts';
import { fromLabelSelector, type Selector } from '../../../api/label-selector.ts';
import type { MatchResources, NamedRuleWithOperations } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
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
  /** Why it cannot be compared with anything, because another program wrote it; empty when it can. */
  readonly broken: string;
}

export function compileMatch(match: MatchResources | undefined): Match {
  const made = {
    rules: (match?.resourceRules ?? []).map(namedRule),
    excluded: (match?.excludeResourceRules ?? []).map(namedRule),
    isEquivalent: match?.matchPolicy !== 'Exact',
  };
  try {
    const namespaces = fromLabelSelector(match?.namespaceSelector ?? {});
    const objects = fromLabelSelector(match?.objectSelector ?? {});
    return { ...made, namespaces, objects, broken: '' };
  } catch (error) {
    return { ...made, namespaces: [], objects: [], broken: AmphoraError.from(error).message };
  }
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
 * @throws NotFound for a namespace that is not there; Invalid for a selector that is none
 */
export async function matches(match: Match, request: AdmissionRequest): Promise<Kind | undefined> {
  const { isEquivalent } = match;
  const named = (rules: readonly NamedRule[]) =>
    rules.filter(({ names }) => names.length === 0 || names.includes(request.name));
  const rules = named(match.rules);
  const as = match.rules.length === 0 ? request.asked : matchRules(request, { rules, isEquivalent });
  if (as === undefined) return undefined;
  if (match.broken !== '') throw new AmphoraError('Invalid', match.broken);
  if (!matchesObject(request, match.objects)) return undefined;
  const excluded = named(match.excluded);
  if (excluded.length > 0 && matchRules(request, { rules: excluded, isEquivalent }) !== undefined)
    return undefined;
  return (await matchesNamespace(request, match.namespaces)) ? as : undefined;
}
