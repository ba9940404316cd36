import type { SelfSubjectRulesReview } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Review } from './all.ts';

const EVERYTHING = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
};

/** What every known caller may do; the rest is not listed, and so the answer says that it is not complete. */
const AT_LEAST = {
  resourceRules: [
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
  ],
  nonResourceRules: [
    {
      verbs: ['get'],
      nonResourceURLs: [
        '/api',
        '/api/*',
        '/apis',
        '/apis/*',
        '/healthz',
        '/livez',
        '/openapi/*',
        '/readyz',
        '/version',
      ],
    },
  ],
  incomplete: true,
  evaluationError:
    'only rules that hold for every known caller are listed: ask with a SelfSubjectAccessReview',
};

/** `kubectl auth can-i --list`. Coarse until rules are objects (RBAC): administrators may do everything. */
export const rulesReview: Review = async (object, { context }) => {
  const { spec } = object as unknown as SelfSubjectRulesReview; // The registry conformed it.
  if ((spec.namespace ?? '') === '')
    throw new AmphoraError('BadRequest', 'no namespace on request: set spec.namespace');
  const all = context.user.groups.includes('system:masters');
  return { ...object, status: all ? EVERYTHING : AT_LEAST };
};
