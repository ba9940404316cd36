import type { Secret, ServiceAccount } from '../../api/types.generated.ts';

export const TOKEN_TYPE = 'kubernetes.io/service-account-token';
export const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';

export type TokenStep =
  /** The account is gone, or is another one of that name. */
  | { readonly kind: 'delete' }
  /** `needsToken`: a token is to be issued; the rest of the data and the annotations are here. */
  | {
      readonly kind: 'fill';
      readonly needsToken: boolean;
      readonly data: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    };

/**
 * What a Secret of the old form still needs.
 * https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
 */
export function planToken(
  secret: Secret,
  account: ServiceAccount | undefined,
  rootCa: string,
): TokenStep | undefined {
  const { annotations = {}, namespace = '', deletionTimestamp } = secret.metadata ?? {};
  if (secret.type !== TOKEN_TYPE || deletionTimestamp !== undefined) return undefined;
  const uid = account?.metadata?.uid;
  const known = annotations[ACCOUNT_UID];
  if (uid === undefined || (known !== undefined && known !== '' && known !== uid)) return { kind: 'delete' };
  const wanted = { 'ca.crt': base64(rootCa), namespace: base64(namespace) };
  const data = Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => secret.data?.[key] !== value),
  );
  const needsToken = (secret.data?.token ?? '') === '';
  const missing = known === uid ? {} : { [ACCOUNT_UID]: uid };
  if (!needsToken && Object.keys(data).length === 0 && known === uid) return undefined;
  return { kind: 'fill', needsToken, data, annotations: missing };
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
