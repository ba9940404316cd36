import { createHash, timingSafeEqual } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { MINUTE_MS } from '../../lib/limits.ts';
import type { User } from '../user.ts';

/** Of tokens in Secrets, which have no end: upstream's name for who issued them. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const LEGACY = 'kubernetes.io/serviceaccount';
/** How long a token outlives the deletion of what it is bound to, so that a pod can still say goodbye. */
const DELETION_LEEWAY_MS = MINUTE_MS;

export interface NamedObject {
  readonly name: string;
  readonly uid: string;
}

/** What a token says about whose it is, in either form. */
export interface TokenClaims {
  readonly id: string;
  readonly namespace: string;
  readonly account: NamedObject;
  readonly pod?: NamedObject;
  readonly secret?: NamedObject;
  readonly node?: NamedObject;
  /** The token is in the secret's data and good only as long as it is. */
  readonly isLegacy: boolean;
}

export type TokenObject = 'ServiceAccount' | 'Pod' | 'Secret' | 'Node';

/** The object as it is stored now, or undefined. */
export type FindObject = (
  object: { readonly kind: TokenObject; readonly namespace: string; readonly name: string },
  signal: AbortSignal,
) => Promise<Readonly<ApiObject> | undefined>;

/** The private claims, as upstream writes them under `kubernetes.io`. */
export function privateClaims(claims: Omit<TokenClaims, 'id' | 'isLegacy'>): Record<string, unknown> {
  const { namespace, account, pod, secret, node } = claims;
  return {
    namespace,
    serviceaccount: { name: account.name, uid: account.uid },
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    ...(node === undefined ? {} : { node }),
  };
}

export function legacyClaims(claims: {
  readonly namespace: string;
  readonly account: NamedObject;
  readonly secret: string;
}): Record<string, string> {
  const { namespace, account, secret } = claims;
  return {
    [`${LEGACY}/namespace`]: namespace,
    [`${LEGACY}/secret.name`]: secret,
    [`${LEGACY}/service-account.name`]: account.name,
    [`${LEGACY}/service-account.uid`]: account.uid,
  };
}

/** Of a payload whose signature was good. @throws Error when it names no service account */
export function readClaims(payload: JWTPayload): TokenClaims {
  const claims = payload.iss === LEGACY_ISSUER ? readLegacy(payload) : readPrivate(payload);
  if (claims.namespace === '' || claims.account.name === '' || payload.sub !== accountName(claims))
    throw new Error('it names no service account');
  return claims;
}

function readPrivate(payload: JWTPayload): TokenClaims {
  // Signed by one of our keys, so of our own shape.
  const own = payload['kubernetes.io'] as ReturnType<typeof privateClaims> & {
    namespace?: string;
    serviceaccount?: NamedObject;
  } & Pick<TokenClaims, 'pod' | 'secret' | 'node'>;
  const { namespace = '', serviceaccount = { name: '', uid: '' }, pod, secret, node } = own ?? {};
  return {
    id: String(payload.jti ?? ''),
    namespace,
    account: serviceaccount,
    isLegacy: false,
    ...(pod === undefined ? {} : { pod }),
    ...(secret === undefined ? {} : { secret }),
    ...(node === undefined ? {} : { node }),
  };
}

function readLegacy(payload: JWTPayload): TokenClaims {
  const claim = (name: string) => String(payload[`${LEGACY}/${name}`] ?? '');
  return {
    id: '',
    namespace: claim('namespace'),
    account: { name: claim('service-account.name'), uid: claim('service-account.uid') },
    secret: { name: claim('secret.name'), uid: '' },
    isLegacy: true,
  };
}

/** @throws Unauthorized when the account, or what the token is bound to, is gone or another one of the same name. */
export async function checkBound(
  claims: TokenClaims,
  options: {
    readonly token: string;
    readonly find: FindObject;
    readonly now: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { find, now, signal } = options;
  const { namespace } = claims;
  const references = [
    { kind: 'ServiceAccount', object: claims.account },
    { kind: 'Pod', object: claims.pod },
    { kind: 'Secret', object: claims.secret },
    // Beside a pod the node is information only: the pod's own end is what counts.
    { kind: 'Node', object: claims.pod === undefined ? claims.node : undefined },
  ] as const;
  for (const { kind, object } of references) {
    if (object === undefined) continue;
    const at = { kind, namespace: kind === 'Node' ? '' : namespace, name: object.name };
    const found = await find(at, signal);
    const isLegacySecret = kind === 'Secret' && claims.isLegacy;
    const isSame = isLegacySecret || found?.metadata.uid === object.uid;
    if (found === undefined || !isSame || isLongDeleted(found, now))
      throw new AmphoraError('Unauthorized', `the ${kind} ${object.name} that the token belongs to is gone`);
    if (isLegacySecret && !holdsToken(found, options.token))
      throw new AmphoraError('Unauthorized', `the Secret ${object.name} no longer holds the token`);
  }
}

function isLongDeleted({ metadata }: Readonly<ApiObject>, now: number): boolean {
  const { deletionTimestamp } = metadata;
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + DELETION_LEEWAY_MS < now;
}

function holdsToken(secret: Readonly<ApiObject>, token: string): boolean {
  const { token: held } = (secret.data ?? {}) as { token?: string }; // The kind's schema.
  return held !== undefined && sameText(Buffer.from(held, 'base64').toString('utf8'), token);
}

/** What a token is remembered by: a heap dump or a slip of a log shows none. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** In a time that says nothing about where the two differ. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

export function userOf(claims: TokenClaims): User {
  const { namespace, account, pod, node } = claims;
  const prefix = 'authentication.kubernetes.io';
  return {
    name: accountName(claims),
    uid: account.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {
      ...(claims.id === '' ? {} : { [`${prefix}/credential-id`]: [`JTI=${claims.id}`] }),
      ...(pod === undefined ? {} : { [`${prefix}/pod-name`]: [pod.name], [`${prefix}/pod-uid`]: [pod.uid] }),
      ...(node === undefined
        ? {}
        : { [`${prefix}/node-name`]: [node.name], [`${prefix}/node-uid`]: [node.uid] }),
    },
  };
}

function accountName({ namespace, account }: TokenClaims): string {
  return `system:serviceaccount:${namespace}:${account.name}`;
}
