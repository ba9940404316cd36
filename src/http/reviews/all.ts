import type { TokenVerifier } from '../../access/authn/tokens.ts';
import type { Authorizer } from '../../access/authz/authorizer.ts';
import type { Rbac } from '../../access/authz/rbac/rbac.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { RegistryHooks } from '../../registry/parts.ts';
import type { RequestContext } from '../../registry/registry.ts';
import { localAccessReview, selfAccessReview, subjectAccessReview } from './access.ts';
import { rulesReview } from './rules.ts';
import { tokenReview } from './token.ts';
import { selfSubjectReview } from './user-info.ts';

/** What answers reviews; asked for only when a review comes, since the authorizer itself reads the registry. */
export interface ReviewParts {
  readonly authorizer: () => Authorizer;
  /** Of every way to know a token. */
  readonly verifyToken: TokenVerifier;
  readonly rbac: Rbac;
  readonly hasAuthorizationWebhook?: boolean;
}

/** One review, answered: the object as it came, with its status. */
export type Review = (
  object: ApiObject,
  at: { readonly namespace: string; readonly context: RequestContext; readonly parts: ReviewParts },
) => Promise<ApiObject>;

const REVIEWS: Readonly<Record<string, Review>> = {
  'selfsubjectreviews.authentication.k8s.io': selfSubjectReview,
  'tokenreviews.authentication.k8s.io': tokenReview,
  'selfsubjectaccessreviews.authorization.k8s.io': selfAccessReview,
  'subjectaccessreviews.authorization.k8s.io': subjectAccessReview,
  'localsubjectaccessreviews.authorization.k8s.io': localAccessReview,
  'selfsubjectrulesreviews.authorization.k8s.io': rulesReview,
};

/** What the registry hands on because it is never stored, by qualified resource. */
export function reviewHooks(parts: ReviewParts): NonNullable<RegistryHooks['review']> {
  return Object.fromEntries(
    Object.entries(REVIEWS).map(([resource, review]) => [
      resource,
      (object: ApiObject, { namespace }: { readonly namespace: string }, context: RequestContext) =>
        review(object, { namespace, context, parts }),
    ]),
  );
}
