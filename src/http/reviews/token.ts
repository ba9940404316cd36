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
  // The token is not said again: an answer may be logged.
  const answered = { ...object, spec: audiences.length === 0 ? {} : { audiences } };
  try {
    const found = await parts.verifyToken(token, { signal: context.signal, audiences });
    if (found === undefined) return { ...answered, status: { authenticated: false } };
    // Who knows of no audiences vouches for the API server's only.
    if (found.audiences === undefined && audiences.length > 0)
      return { ...answered, status: { authenticated: false, error: 'the token is for the API server only' } };
    const shared = found.audiences === undefined ? {} : { audiences: found.audiences };
    return { ...answered, status: { authenticated: true, user: userInfoOf(found.user), ...shared } };
  } catch (error) {
    if (!isCode(error, 'Unauthorized')) throw error;
    return { ...answered, status: { authenticated: false, error: error.message } };
  }
};
