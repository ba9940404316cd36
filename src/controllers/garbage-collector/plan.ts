import type { ObjectMeta, OwnerReference } from '../../api/kind.ts';
import { FOREGROUND, ORPHAN } from './graph.ts';

/** What an owner reference was found to name. */
export type OwnerState =
  /** There, or nobody can say. */
  | 'solid'
  | 'absent'
  /** Is being deleted and waits for its dependents. */
  | 'waiting';

export type CollectorStep =
  /** Its owner lets it go: one of its own dependents waits for it, too, and a circle of waiters would never end. */
  | { readonly kind: 'unblock' }
  | { readonly kind: 'drop-owners'; readonly uids: readonly string[] }
  | { readonly kind: 'delete'; readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan' };

/** What to do with an object that is not being deleted itself, as upstream's attemptToDeleteItem. */
export function planDependent(
  metadata: Readonly<ObjectMeta>,
  found: {
    readonly states: ReadonlyMap<string, OwnerState>;
    readonly hasDependents: boolean;
    readonly dependentWaits: boolean;
  },
): readonly CollectorStep[] {
  const owners = metadata.ownerReferences ?? [];
  const uids = (state: OwnerState) =>
    owners.filter(({ uid }) => found.states.get(uid) === state).map(({ uid }) => uid);
  const waiting = uids('waiting');
  const useless = [...uids('absent'), ...waiting];
  if (useless.length === 0) return [];
  if (useless.length < owners.length) return [{ kind: 'drop-owners', uids: useless }];
  if (waiting.length > 0 && found.hasDependents) {
    const step = { kind: 'delete', propagationPolicy: 'Foreground' } as const;
    return found.dependentWaits ? [{ kind: 'unblock' }, step] : [step];
  }
  return [{ kind: 'delete', propagationPolicy: ownPolicy(metadata) }];
}

/** What somebody has asked for before by its finalizers. */
function ownPolicy({ finalizers = [] }: Readonly<ObjectMeta>): 'Foreground' | 'Background' | 'Orphan' {
  if (finalizers.includes(ORPHAN)) return 'Orphan';
  return finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background';
}

export function withoutOwners(
  references: readonly OwnerReference[],
  uids: readonly string[],
): OwnerReference[] {
  return references.filter(({ uid }) => !uids.includes(uid));
}
