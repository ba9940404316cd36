import { decodeJwt, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../../lib/clock.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { TokenVerifier } from '../tokens.ts';
import type { JwtIssuer } from './issuer-config.ts';
import { IssuerKeys } from './issuer-keys.ts';

/**
 * ID tokens of issuers that an administrator named.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens
 */
export function oidcTokens(issuers: readonly JwtIssuer[], clock: Clock): TokenVerifier {
  const known = new Map(
    issuers.map((issuer) => [issuer.url, { issuer, keys: new IssuerKeys(issuer, clock) }]),
  );
  return async (token) => {
    const found = known.get(issuerOf(token));
    if (found === undefined) return undefined;
    const { issuer, keys } = found;
    try {
      const { payload } = await jwtVerify(token, keys.get, {
        issuer: issuer.url,
        audience: [...issuer.audiences],
        algorithms: [...issuer.algorithms],
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp'],
      });
      return { user: userOf(payload, issuer) };
    } catch (error) {
      throw new AmphoraError('Unauthorized', `oidc: ${(error as Error).message}`, { cause: error });
    }
  };
}

/** Read without trust, only to find whose keys the token is to be checked with. */
function issuerOf(token: string): string {
  if (token.length > LIMITS.tokenCharacters || token.split('.').length !== 3) return '';
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    return '';
  }
}

function userOf(payload: JWTPayload, issuer: JwtIssuer) {
  for (const { claim, value } of issuer.required)
    if (claimIn(payload, claim) !== value)
      throw new Error(`the claim ${claim} is not ${JSON.stringify(value)}`);
  const { username, groups, uid } = issuer;
  const name = claimIn(payload, username.claim);
  if (typeof name !== 'string' || name === '') throw new Error(`the claim ${username.claim} names no user`);
  if (username.claim === 'email' && (claimIn(payload, 'email_verified') ?? true) !== true)
    throw new Error('the email is not verified');
  const id = uid === undefined ? '' : claimIn(payload, uid);
  if (typeof id !== 'string') throw new Error(`the claim ${uid} is no text`);
  return {
    name: `${username.prefix}${name}`,
    uid: id,
    groups: [
      ...(groups === undefined ? [] : texts(payload, groups.claim).map((group) => groups.prefix + group)),
      'system:authenticated',
    ],
    extra:
      payload.jti === undefined
        ? {}
        : { 'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`] },
  };
}

/** One text, or a list of them. @throws Error */
function texts(payload: JWTPayload, claim: string): readonly string[] {
  const value = claimIn(payload, claim);
  if (value === undefined || value === null) return [];
  const all = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(all) || !all.every((one) => typeof one === 'string'))
    throw new Error(`the claim ${claim} is no list of texts`);
  return all.filter((one) => one !== '');
}

function claimIn(payload: JWTPayload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}
