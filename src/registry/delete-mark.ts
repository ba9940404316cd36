import type { ApiObject, ObjectMeta } from '../api/kind.ts';
import { toTime } from '../lib/clock.ts';
import { SECOND_MS } from '../lib/limits.ts';
import type { StoredKind } from './parts.ts';
import type { DeleteOptions } from './registry.ts';

export const ORPHAN = 'orphan';
export const FOREGROUND = 'foregroundDeletion';

/** `gone`: nothing keeps the object; `marked`: it was changed and stays; `kept`: it stays as it was marked before. */
export type Mark = 'gone' | 'marked' | 'kept';

/** Sets on the object what its deletion sets, as upstream's BeforeDelete and its finalizers for the collector do. */
export function markDeleted(
  kind: StoredKind,
  object: ApiObject,
  asked: { readonly options: DeleteOptions; readonly now: number },
): Mark {
  const { metadata } = object;
  const { gracePeriodSeconds } = asked.options;
  // What is negative has always meant the shortest grace there is.
  const wanted = gracePeriodSeconds !== undefined && gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
  const changed = setPropagation(kind, object, asked.options.propagationPolicy);
  const held = (metadata.finalizers ?? []).length > 0 || kind.strategy.holds?.(object) === true;
  if (metadata.deletionTimestamp !== undefined) {
    const hurried = hurry(metadata, kind.strategy.grace === undefined ? undefined : wanted);
    if (!held && metadata.deletionGracePeriodSeconds === 0) return 'gone';
    return hurried || changed ? 'marked' : 'kept';
  }
  const grace = kind.strategy.grace?.(object, wanted) ?? 0;
  if (grace === 0 && !held) return 'gone';
  metadata.deletionTimestamp = toTime(asked.now + grace * SECOND_MS);
  metadata.deletionGracePeriodSeconds = grace;
  if (metadata.generation !== undefined) metadata.generation += 1;
  kind.strategy.prepareDelete?.(object);
  return 'marked';
}

/** A deletion can be hurried, never put off. @returns whether it was */
function hurry(metadata: ObjectMeta, wanted: number | undefined): boolean {
  const { deletionTimestamp = '', deletionGracePeriodSeconds: left = 0 } = metadata;
  metadata.deletionGracePeriodSeconds = left;
  if (wanted === undefined || wanted >= left) return false;
  metadata.deletionTimestamp = toTime(Date.parse(deletionTimestamp) + (wanted - left) * SECOND_MS);
  metadata.deletionGracePeriodSeconds = wanted;
  return true;
}

/**
 * `Orphan` and `Foreground` leave work for the garbage collector, named by a finalizer: what the caller asked, else what
 * the object's finalizers say already, else what is usual for the kind. @returns whether that changed the finalizers
 */
function setPropagation(
  kind: StoredKind,
  object: ApiObject,
  policy: DeleteOptions['propagationPolicy'],
): boolean {
  const before = object.metadata.finalizers ?? [];
  const said = before.includes(ORPHAN) || before.includes(FOREGROUND);
  if (policy === undefined && (said || kind.strategy.orphansByDefault !== true)) return false;
  const wanted = policy ?? 'Orphan';
  const others = before.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  if (wanted === 'Orphan') others.push(ORPHAN);
  if (wanted === 'Foreground') others.push(FOREGROUND);
  if (others.length === before.length && others.every((name) => before.includes(name))) return false;
  if (others.length > 0) object.metadata.finalizers = others;
  else delete object.metadata.finalizers;
  return true;
}
