import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { User } from '../user.ts';

export interface VerifiedToken {
  readonly user: User;
  /** Those of the audiences asked for that the token is for; left out: the way that verified it knows of none. */
  readonly audiences?: readonly string[];
}

/**
 * One way to know whose a bearer token is. Undefined: it is none of this kind.
 * @throws Unauthorized when it is, and no good
 */
export type TokenVerifier = (
  token: string,
  options: {
    readonly signal: AbortSignal;
    /** Empty: the API server itself. */
    readonly audiences: readonly string[];
  },
) => Promise<VerifiedToken | undefined>;

/** The first that knows the token decides; why others refused it is said when none does. */
export function anyVerifier(verifiers: readonly TokenVerifier[]): TokenVerifier {
  return async (token, options) => {
    const refusals: string[] = [];
    for (const verify of verifiers) {
      try {
        const verified = await verify(token, options);
        if (verified !== undefined) return verified;
      } catch (error) {
        if (!isCode(error, 'Unauthorized')) throw error;
        refusals.push(error.message);
      }
    }
    if (refusals.length === 0) return undefined;
    throw new AmphoraError('Unauthorized', refusals.join('; '));
  };
}
