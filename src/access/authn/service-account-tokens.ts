import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';
import {
  checkBound,
  digestOf,
  type FindObject,
  LEGACY_ISSUER,
  legacyClaims,
  type NamedObject,
  privateClaims,
  readClaims,
  type TokenClaims,
  userOf,
} from './service-account-claims.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { TokenVerifier } from './tokens.ts';

const MIN_EXPIRATION_SECONDS = 600;
const MAX_EXPIRATION_SECONDS = 2 ** 32;

/** What a token ends with: when this object is gone, the token is no longer accepted. */
export interface BoundObject extends NamedObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
}

export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: NamedObject;
  /** Empty: the API server itself. */
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly bound?: BoundObject;
  /** The node of the pod that the token is bound to. */
  readonly node?: NamedObject;
}

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The service account whose token a Secret of the old form holds. */
export interface LegacyTokenRequest {
  readonly namespace: string;
  readonly account: NamedObject;
  readonly secret: string;
}

/**
 * JSON Web Tokens of service accounts.
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
 */
export interface ServiceAccountTokens {
  readonly issuer: string;
  /** @throws Invalid for a lifetime out of bounds */
  issue(request: TokenRequest): Promise<IssuedToken>;
  /** A token without an end, for a Secret of type `kubernetes.io/service-account-token`. */
  issueLegacy(request: LegacyTokenRequest): Promise<string>;
  readonly verify: TokenVerifier;
  /** RFC 7517, for `/openid/v1/jwks`. */
  keySet(): Promise<{ keys: readonly JWK[] }>;
  /** OpenID Connect Discovery 1.0, for `/.well-known/openid-configuration`. */
  discovery(): Record<string, unknown>;
}

export interface TokenOptions {
  readonly keys: SigningKeys;
  readonly issuer: string;
  readonly clock: Clock;
  readonly find: FindObject;
}

export function createServiceAccountTokens(options: TokenOptions): ServiceAccountTokens {
  const { issuer, clock, keys } = options;
  const { signing } = keys;
  const sign = (payload: JWTPayload) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: signing.algorithm, kid: signing.id })
      .sign(signing.privateKey);
  const signatures = new CheckedSignatures(options);
  return {
    issuer,
    keySet: () => keys.keySet(),
    discovery: () => discoveryDocument(issuer, keys),
    issue: async (request) => {
      checkSeconds(request.expirationSeconds);
      const now = Math.floor(clock.now() / SECOND_MS);
      const exp = now + request.expirationSeconds;
      const token = await sign({
        aud: request.audiences.length === 0 ? [issuer] : [...request.audiences],
        exp,
        iat: now,
        iss: issuer,
        jti: randomUUID(),
        'kubernetes.io': privateClaims(claimsOf(request)),
        nbf: now,
        sub: `system:serviceaccount:${request.namespace}:${request.serviceAccount.name}`,
      });
      return { token, expiresAt: exp * SECOND_MS };
    },
    issueLegacy: (request) =>
      sign({
        ...legacyClaims(request),
        iss: LEGACY_ISSUER,
        sub: `system:serviceaccount:${request.namespace}:${request.account.name}`,
      }),
    verify: async (token, { signal, audiences }) => {
      const payload = await signatures.check(token);
      if (payload === undefined) return undefined;
      const claims = claimsIn(payload, audiences.length === 0 ? [issuer] : audiences, {
        issuer,
        now: clock.now(),
      });
      await checkBound(claims.claims, { token, find: options.find, now: clock.now(), signal });
      return { user: userOf(claims.claims), audiences: claims.audiences };
    },
  };
}

function claimsOf(request: TokenRequest): Omit<TokenClaims, 'id' | 'isLegacy'> {
  const { namespace, serviceAccount, bound } = request;
  const object = bound === undefined ? undefined : { name: bound.name, uid: bound.uid };
  const node = bound?.kind === 'Node' ? object : request.node;
  return {
    namespace,
    account: serviceAccount,
    ...(bound?.kind === 'Pod' && object !== undefined ? { pod: object } : {}),
    ...(bound?.kind === 'Secret' && object !== undefined ? { secret: object } : {}),
    ...(node === undefined ? {} : { node: { name: node.name, uid: node.uid } }),
  };
}

function discoveryDocument(issuer: string, keys: SigningKeys): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [
      ...new Set([...keys.accepted.values()].map(({ algorithm }) => algorithm)),
    ],
  };
}

/** @throws Invalid */
function checkSeconds(seconds: number): void {
  let why = '';
  if (!Number.isSafeInteger(seconds) || seconds < MIN_EXPIRATION_SECONDS)
    why = 'may not specify a duration less than 10 minutes';
  else if (seconds > MAX_EXPIRATION_SECONDS) why = 'may not specify a duration larger than 2^32 seconds';
  if (why === '') return;
  const message = `Invalid value: ${seconds}: ${why}`;
  throw new AmphoraError('Invalid', `spec.expirationSeconds: ${message}`, {
    details: [{ reason: 'FieldValueInvalid', field: 'spec.expirationSeconds', message }],
  });
}

/** Of a token whose signature was good. @throws Unauthorized when it is not for us, not yet or no longer */
function claimsIn(
  payload: JWTPayload,
  audiences: readonly string[],
  { issuer, now }: { issuer: string; now: number },
): { claims: TokenClaims; audiences: readonly string[] } {
  try {
    const claims = readClaims(payload);
    // A token of the old form names no audience: it is for the API server.
    const own = claims.isLegacy ? [issuer] : [payload.aud ?? []].flat();
    const shared = audiences.filter((audience) => own.includes(audience));
    if (shared.length === 0) throw new Error(`it is for ${JSON.stringify(own)}`);
    const seconds = now / SECOND_MS;
    if (!claims.isLegacy && (payload.exp === undefined || payload.exp <= seconds))
      throw new Error('it has expired');
    if (payload.nbf !== undefined && payload.nbf > seconds) throw new Error('it is not valid yet');
    return { claims, audiences: shared };
  } catch (error) {
    throw new AmphoraError('Unauthorized', `the service account token is not valid: ${String(error)}`, {
      cause: error,
    });
  }
}

/** Signatures that were checked once: the same token comes with each request of its pod. */
class CheckedSignatures {
  readonly #options: TokenOptions;
  /** By digest. */
  readonly #known = new Map<string, JWTPayload>();

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** Undefined for a token that another issuer signed. @throws Unauthorized */
  async check(token: string): Promise<JWTPayload | undefined> {
    const digest = digestOf(token);
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    if (!this.#isOurs(token)) return undefined;
    const payload = await this.#verify(token);
    if (this.#known.size >= LIMITS.verifiedTokens) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(digest, payload);
    return payload;
  }

  /** Read without trust, only to tell our tokens from those of another issuer. */
  #isOurs(token: string): boolean {
    if (token.length > LIMITS.tokenCharacters || token.split('.').length !== 3) return false;
    try {
      const { iss } = decodeJwt(token);
      return iss === this.#options.issuer || iss === LEGACY_ISSUER;
    } catch {
      return false;
    }
  }

  async #verify(token: string): Promise<JWTPayload> {
    try {
      const { kid = '' } = decodeProtectedHeader(token);
      const key = this.#options.keys.accepted.get(kid);
      if (key === undefined) throw new Error('no key of this cluster signed it');
      // Times are looked at with each request; here only whose signature it is.
      const { payload } = await jwtVerify(token, key.key, {
        algorithms: [key.algorithm],
        currentDate: new Date(this.#options.clock.now()),
        clockTolerance: Number.MAX_SAFE_INTEGER,
      });
      return payload;
    } catch (error) {
      throw new AmphoraError('Unauthorized', `the service account token is not valid: ${String(error)}`, {
        cause: error,
      });
    }
  }
}
