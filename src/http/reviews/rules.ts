import { nodeOf } from '../../access/authz/node.ts';
import type { PolicyRule, SelfSubjectRulesReview } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Review } from './all.ts';

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** `kubectl auth can-i --list`. What cannot be listed as rules is said to be missing. */
export const rulesReview: Review = async (object, { context, parts }) => {
  const { spec } = object as unknown as SelfSubjectRulesReview; // The registry conformed it.
  const namespace = spec.namespace ?? '';
  if (namespace === '') throw new AmphoraError('BadRequest', 'no namespace on request: set spec.namespace');
  const { user } = context;
  const found = parts.rbac.rulesFor(user, namespace);
  const rules = user.groups.includes('system:masters') ? [...EVERYTHING, ...found.rules] : found.rules;
  const unlisted = [
    ...(nodeOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution']),
    ...(parts.hasAuthorizationWebhook === true
      ? ['webhook authorizer does not support user rule resolution']
      : []),
    ...found.problems,
  ];
  const status = {
    resourceRules: rules.filter(isResourceRule).map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      ...(apiGroups === undefined ? {} : { apiGroups }),
      ...(resources === undefined ? {} : { resources }),
      ...(resourceNames === undefined ? {} : { resourceNames }),
    })),
    nonResourceRules: rules
      .filter((rule) => !isResourceRule(rule))
      .map(({ verbs, nonResourceURLs = [] }) => ({ verbs, nonResourceURLs })),
    incomplete: unlisted.length > 0,
    ...(unlisted.length === 0 ? {} : { evaluationError: unlisted.join(', ') }),
  };
  return { ...object, status };
};

function isResourceRule(rule: PolicyRule): boolean {
  return (rule.nonResourceURLs ?? []).length === 0;
}
