import type { PersistentVolumeClaim, Pod } from '../../api/types.generated.ts';

export const FINALIZER = 'kubernetes.io/pvc-protection';

/** The claims a pod holds on to, as `namespace/name`: from when it is on a node until it is gone. */
export function claimsHeldBy({ metadata, spec }: Pod): string[] {
  if ((spec?.nodeName ?? '') === '') return [];
  const { namespace = '', name: podName = '' } = metadata ?? {};
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [`${namespace}/${persistentVolumeClaim.claimName}`];
    return ephemeral === undefined ? [] : [`${namespace}/${podName}-${name}`];
  });
}

export type ClaimStep = 'protect' | 'let-go' | 'wait' | undefined;

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function planClaim({ metadata }: PersistentVolumeClaim, isUsed: boolean): ClaimStep {
  const isProtected = metadata?.finalizers?.includes(FINALIZER) === true;
  if (metadata?.deletionTimestamp === undefined) return isProtected ? undefined : 'protect';
  if (!isProtected) return undefined;
  return isUsed ? 'wait' : 'let-go';
}
