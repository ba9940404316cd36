import type { ApiObject } from '../api/kind.ts';
import { toTime } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import type { StoredObject } from '../store/store.ts';
import { admissionRequest } from './admit.ts';
import { claimChanges } from './claims.ts';
import { conflict } from './faults.ts';
import { encodeObject } from './object-bytes.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { DeleteOptions, ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { mustLoad, present, storedKind, thaw } from './storage.ts';

interface DeleteRequest {
  readonly context: RequestContext;
  readonly target: ResourceTarget;
  readonly options: DeleteOptions;
}

export interface Deleted {
  readonly object: ObjectBytes;
  readonly gone: boolean;
}

/** @throws NotFound; Conflict when a precondition does not hold. */
export async function remove(parts: RegistryParts, request: DeleteRequest): Promise<Deleted> {
  const kind = storedKind(parts, request.target.kind);
  const { namespace, name } = request.target;
  const { signal } = request.context;
  for (let attempt = 1; ; attempt++) {
    const current = await mustLoad(parts, kind, { namespace, name, signal });
    checkPreconditions(kind, current, request);
    try {
      return await removeOnce(parts, kind, { request, current });
    } catch (error) {
      if (!isCode(error, 'Conflict') || error.about !== undefined) throw error;
      if (attempt >= LIMITS.conflictRetries)
        throw new AmphoraError(
          'TooManyRequests',
          `${name} is being changed too fast to be deleted: try again`,
          {
            retryAfterSeconds: 1,
          },
        );
    }
  }
}

async function removeOnce(
  parts: RegistryParts,
  kind: StoredKind,
  step: { readonly request: DeleteRequest; readonly current: StoredObject },
): Promise<Deleted> {
  const { request, current } = step;
  const { context } = request;
  const object = thaw(current);
  await parts.admission.validate(
    admissionRequest(parts, kind, { context, operation: 'DELETE', object, old: object }),
  );
  const before = encodeObject(object);
  const stays = markDeleted(kind, object, { options: request.options, now: parts.clock.now() });
  const bytes = encodeObject(object);
  const changed = !bytes.equals(before);
  if (stays && !changed) return { object: present(parts, kind, current), gone: false };
  let { revision } = current;
  if (!context.dryRun) {
    const change = { key: current.key, expected: current.revision };
    const left = { object: stays ? object : undefined, old: thaw(current), signal: context.signal };
    const claims = await claimChanges(parts.store, kind, left);
    const changes = [stays ? { ...change, bytes } : change, ...claims];
    ({ revision } = await parts.store.commit(changes, context.signal));
  }
  return { object: present(parts, kind, { bytes: stays ? bytes : current.bytes, revision }), gone: !stays };
}

/** Sets what a deletion sets; true when finalizers, grace or the kind itself keep the object for now. */
function markDeleted(
  kind: StoredKind,
  object: ApiObject,
  asked: { readonly options: DeleteOptions; readonly now: number },
): boolean {
  const { metadata } = object;
  const grace = kind.strategy.grace?.(object, asked.options.gracePeriodSeconds) ?? 0;
  const finalizers = withPropagation(metadata.finalizers ?? [], asked.options.propagationPolicy);
  const already = metadata.deletionTimestamp !== undefined;
  const left = metadata.deletionGracePeriodSeconds ?? 0;
  const held = finalizers.length > 0 || kind.strategy.holds?.(object) === true;
  if (already && grace >= left && left > 0) return true; // A deletion can be hurried, never put off.
  if (grace === 0 && !held) return false;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  if (!already || grace < left) {
    metadata.deletionTimestamp = toTime(asked.now + grace * SECOND_MS);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (!already) {
    if (metadata.generation !== undefined) metadata.generation += 1;
    kind.strategy.prepareDelete?.(object);
  }
  return true;
}

/** `Orphan` and `Foreground` leave work for the garbage collector, named by a finalizer. */
function withPropagation(
  finalizers: readonly string[],
  policy: DeleteOptions['propagationPolicy'],
): string[] {
  const others = finalizers.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (policy === 'Orphan') return [...others, 'orphan'];
  if (policy === 'Foreground') return [...others, 'foregroundDeletion'];
  if (policy === 'Background') return others;
  return [...finalizers];
}

function checkPreconditions(kind: StoredKind, current: StoredObject, request: DeleteRequest): void {
  const { preconditions } = request.options;
  if (preconditions === undefined) return;
  const { metadata } = thaw(current);
  const { name } = request.target;
  if (preconditions.uid !== undefined && preconditions.uid !== metadata.uid)
    throw conflict(
      kind.asked,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${metadata.uid}`,
    );
  if (
    preconditions.resourceVersion !== undefined &&
    preconditions.resourceVersion !== metadata.resourceVersion
  )
    throw conflict(
      kind.asked,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
}
