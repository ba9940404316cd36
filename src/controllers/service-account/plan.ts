import type { Namespace } from '../../api/types.generated.ts';

export type ServiceAccountStep = { readonly kind: 'create-account' } | { readonly kind: 'write-root-ca' };

/** What every live namespace has: the account `default`, and the authority's certificate where pods can mount it. */
export function planServiceAccount(
  namespace: Namespace,
  there: { readonly account: boolean; readonly rootCa: boolean },
): ServiceAccountStep[] {
  if (namespace.metadata?.deletionTimestamp !== undefined) return [];
  return [
    ...(there.account ? [] : [{ kind: 'create-account' } as const]),
    ...(there.rootCa ? [] : [{ kind: 'write-root-ca' } as const]),
  ];
}
