import type { PersistentVolume } from '../../api/types.generated.ts';

export const FINALIZER = 'kubernetes.io/pv-protection';

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function planVolume({ metadata, status }: PersistentVolume): 'protect' | 'let-go' | undefined {
  const isProtected = metadata?.finalizers?.includes(FINALIZER) === true;
  if (metadata?.deletionTimestamp === undefined) return isProtected ? undefined : 'protect';
  return isProtected && status?.phase !== 'Bound' ? 'let-go' : undefined;
}
