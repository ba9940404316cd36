import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeJwt, exportJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import type { User } from '../user.ts';

const ALGORITHM = 'ES256';
const MIN_EXPIRATION_SECONDS = 600;
const MAX_EXPIRATION_SECONDS = 48 * 3600;
const MAX_TOKEN_CHARACTERS = 16 * 1024;

export interface NamedObject {
  readonly name: string;
  readonly uid: string;
}

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

/** The private claims, as upstream writes them under `kubernetes.io`. */
interface PrivateClaims {
  readonly namespace: string;
  readonly serviceaccount: NamedObject;
  readonly pod?: NamedObject;
  readonly secret?: NamedObject;
  readonly node?: NamedObject;
}

/** Whether the object still exists with that uid. */
export type StillExists = (
  object: { kind: 'ServiceAccount' | BoundObject['kind']; namespace: string } & NamedObject,
  signal: AbortSignal,
) => Promise<boolean>;

/**
 * JSON Web Tokens of service accounts.
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
 */
export interface ServiceAccountTokens {
  readonly issuer: string;
  issue(request: TokenRequest): Promise<IssuedToken>;
  /** The user, or undefined when the token is not one of ours. @throws Unauthorized when it is ours and no good. */
  verify(token: string, signal: AbortSignal, audiences?: readonly string[]): Promise<User | undefined>;
  /** RFC 7517, for `/openid/v1/jwks`. */
  keySet(): { keys: readonly JWK[] };
  /** OpenID Connect Discovery 1.0, for `/.well-known/openid-configuration`. */
  discovery(): Record<string, unknown>;
}

/** The signing key in `path` (PKCS #8), made on first use with mode 0600. */
export async function loadSigningKey(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw AmphoraError.during(`reading ${path}`, error);
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, pem, 0o600);
  return pem;
}

export async function createServiceAccountTokens(options: {
  /** PKCS #8, P-256. */
  key: string;
  issuer: string;
  clock: Clock;
  exists: StillExists;
}): Promise<ServiceAccountTokens> {
  const { issuer, clock, exists } = options;
  const privateKey = createPrivateKey(options.key);
  const publicKey = createPublicKey(options.key);
  const jwk = await exportJWK(publicKey);
  const kid = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  const keys = [{ ...jwk, use: 'sig', alg: ALGORITHM, kid }];
  return {
    issuer,
    keySet: () => ({ keys }),
    discovery: () => discoveryDocument(issuer),
    issue: async (request) => {
      const seconds = checkedSeconds(request.expirationSeconds);
      const now = Math.floor(clock.now() / 1000);
      const token = await new SignJWT({ 'kubernetes.io': privateClaims(request) })
        .setProtectedHeader({ alg: ALGORITHM, kid })
        .setIssuer(issuer)
        .setSubject(`system:serviceaccount:${request.namespace}:${request.serviceAccount.name}`)
        .setAudience(request.audiences.length === 0 ? [issuer] : [...request.audiences])
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(now + seconds)
        .setJti(randomUUID())
        .sign(privateKey);
      return { token, expiresAt: (now + seconds) * 1000 };
    },
    verify: async (token, signal, audiences = [issuer]) => {
      if (!isOurs(token, issuer)) return undefined;
      const claims = await checked(() =>
        jwtVerify(token, publicKey, {
          issuer,
          audience: [...audiences],
          algorithms: [ALGORITHM],
          currentDate: new Date(clock.now()),
          requiredClaims: ['exp', 'sub', 'jti'],
        }),
      );
      await checkBound(claims.private, exists, signal);
      return userOf(claims);
    },
  };
}

function discoveryDocument(issuer: string): Record<string, unknown> {
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [ALGORITHM],
  };
}

function checkedSeconds(seconds: number): number {
  if (!Number.isSafeInteger(seconds) || seconds < MIN_EXPIRATION_SECONDS)
    throw new AmphoraError(
      'Invalid',
      `expirationSeconds must be at least ${MIN_EXPIRATION_SECONDS} (10 minutes)`,
      {
        details: [
          {
            reason: 'FieldValueInvalid',
            field: 'spec.expirationSeconds',
            message: 'may not specify a duration less than 10 minutes',
          },
        ],
      },
    );
  return Math.min(seconds, MAX_EXPIRATION_SECONDS);
}

function privateClaims(request: TokenRequest): PrivateClaims {
  const { bound } = request;
  const reference = bound === undefined ? undefined : { name: bound.name, uid: bound.uid };
  const { name, uid } = request.serviceAccount;
  return {
    namespace: request.namespace,
    serviceaccount: { name, uid },
    ...(bound?.kind === 'Pod' && reference ? { pod: reference } : {}),
    ...(bound?.kind === 'Secret' && reference ? { secret: reference } : {}),
    ...(bound?.kind === 'Node' && reference
      ? { node: reference }
      : request.node === undefined
        ? {}
        : { node: { name: request.node.name, uid: request.node.uid } }),
  };
}

/** Read without trust, only to tell our tokens from those of another issuer. */
function isOurs(token: string, issuer: string): boolean {
  if (token.length > MAX_TOKEN_CHARACTERS || token.split('.').length !== 3) return false;
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false;
  }
}

interface Claims {
  readonly id: string;
  readonly private: PrivateClaims;
}

async function checked(verify: () => Promise<{ payload: Record<string, unknown> }>): Promise<Claims> {
  try {
    const { payload } = await verify();
    const claims = payload['kubernetes.io'] as PrivateClaims | undefined; // Signed by us, so of our own shape.
    if (claims?.serviceaccount?.name === undefined || claims.namespace === undefined)
      throw new Error('it names no service account');
    return { id: String(payload.jti), private: claims };
  } catch (error) {
    throw new AmphoraError('Unauthorized', `the service account token is not valid: ${String(error)}`, {
      cause: error,
    });
  }
}

async function checkBound(claims: PrivateClaims, exists: StillExists, signal: AbortSignal): Promise<void> {
  const { namespace } = claims;
  const references = [
    { kind: 'ServiceAccount', object: claims.serviceaccount },
    { kind: 'Pod', object: claims.pod },
    { kind: 'Secret', object: claims.secret },
    // Beside a pod the node is information only: the pod's own end is what counts.
    { kind: 'Node', object: claims.pod === undefined ? claims.node : undefined },
  ] as const;
  for (const { kind, object } of references) {
    if (object === undefined) continue;
    if (await exists({ kind, namespace: kind === 'Node' ? '' : namespace, ...object }, signal)) continue;
    throw new AmphoraError('Unauthorized', `the ${kind} ${object.name} that the token belongs to is gone`);
  }
}

function userOf(claims: Claims): User {
  const { namespace, serviceaccount, pod, node } = claims.private;
  const prefix = 'authentication.kubernetes.io';
  return {
    name: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {
      [`${prefix}/credential-id`]: [`JTI=${claims.id}`],
      ...(pod === undefined ? {} : { [`${prefix}/pod-name`]: [pod.name], [`${prefix}/pod-uid`]: [pod.uid] }),
      ...(node === undefined
        ? {}
        : { [`${prefix}/node-name`]: [node.name], [`${prefix}/node-uid`]: [node.uid] }),
    },
  };
}
