import type { TokenReview } from '../../api/types.generated.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { Review } from './all.ts';
import { userInfoOf } from './user-info.ts';

/** Whose token it is: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ */
export const tokenReview: Review = async (object, { context, parts }) => {
  const { spec } = object as unknown as TokenReview; // The registry conformed it.
  const { token = '', audiences = [] } = spec;
  if (token === '')
    throw new AmphoraError('BadRequest', 'token is required for TokenReview in authentication');
  const tokens = parts.tokens();
  const wanted = audiences.length === 0 ? [tokens.issuer] : audiences;
  // The token is not said again: an answer may be logged.
  const answered = { ...object, spec: audiences.length === 0 ? {} : { audiences } };
  try {
    const user = await tokens.verify(token, context.signal, wanted);
    if (user === undefined)
      return { ...answered, status: { authenticated: false, error: 'the token is not one of this cluster' } };
    return { ...answered, status: { authenticated: true, user: userInfoOf(user), audiences: wanted } };
  } catch (error) {
    if (!isCode(error, 'Unauthorized')) throw error;
    return { ...answered, status: { authenticated: false, error: error.message } };
  }
};
