import type { AdmissionRequest, GroupVersionKind } from '../access/admission/admission.ts';
import { cloneJson, equalJson } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';
import { storedEntries } from '../api/managed-fields/entry.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { StoredObject } from '../store/store.ts';
import { admissionRequest, isRewritten } from './admit.ts';
import { claimChanges, isClaimTaken } from './claims.ts';
import { convert } from './conversion.ts';
import { encodeBounded } from './encode-bounded.ts';
import { conflict, MODIFIED, throwIfInvalid } from './faults.ts';
import { ownUpdated, setEntries } from './ownership.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import { prepareUpdate } from './prepare.ts';
import type { ObjectBytes, RequestContext, ResourceTarget } from './registry.ts';
import { mustLoad, present, storedKind } from './storage.ts';
import { validateObject, validateUpdate } from './validate.ts';
import { fillDefaults, withDefaults } from './walks.ts';
import { warnOf } from './warnings.ts';

export interface WriteRequest {
  readonly context: RequestContext;
  readonly target: ResourceTarget;
  /**
   * The new object from the current one, which is frozen; both in the version asked for. What it gives is changed later,
   * wherever the kind's strategy does so. Runs again after a conflict.
   */
  readonly make: (current: Readonly<ApiObject>) => ApiObject;
  /** Puts the object to be written in order; the strategy's own where left out. In the stored version. */
  readonly prepare?: (object: ApiObject, old: Readonly<ApiObject>) => ApiObject;
  /** What admission sees of the change: the object itself if left out, nothing where its body was admitted before. */
  readonly admitted?: 'before' | AdmittedAs;
  /** Who owns what afterwards: left out, the writer owns what it changed; `made`: `make` says it; `kept`: as before. */
  readonly ownership?: 'made' | 'kept';
}

/** A subresource's own view of the object, such as its Scale. */
export interface AdmittedAs {
  readonly bodyKind: GroupVersionKind;
  see(object: Readonly<ApiObject>): ApiObject;
  /** Takes over what admission changed. */
  put(object: ApiObject, seen: ApiObject): void;
}

/**
 * Steps 3 and 4 of the walk: read, change, admit, validate, compare-and-swap; again from a fresh read when
 * somebody else's write came between and the caller named no revision.
 * @throws NotFound, Conflict, Invalid, and what admission says.
 */
export async function write(parts: RegistryParts, request: WriteRequest): Promise<ObjectBytes> {
  const kind = storedKind(parts, request.target.kind);
  const { namespace, name } = request.target;
  for (let attempt = 1; ; attempt++) {
    const current = await mustLoad(parts, kind, { namespace, name, signal: request.context.signal });
    const old = parts.shared.of(current.bytes, current.revision).object();
    const next = makeNext(kind, request, old);
    try {
      return await writeOnce(parts, { kind, request, current, old, next });
    } catch (error) {
      if (!isCode(error, 'Conflict') || error.about !== undefined) throw error; // Not the store's: somebody decided so.
      if (attempt >= LIMITS.conflictRetries)
        throw new AmphoraError(
          'TooManyRequests',
          `${name} is being changed too fast to be written: try again`,
          {
            retryAfterSeconds: 1,
          },
        );
    }
  }
}

/** @throws Conflict when the revision or the uid that the caller started from is not the current one. */
function makeNext(kind: StoredKind, request: WriteRequest, old: Readonly<ApiObject>): ApiObject {
  const { name } = request.target;
  const asked = convert(old, kind.asked);
  const { uid, resourceVersion: before } = old.metadata;
  const next = request.make(asked);
  const { resourceVersion: revision = '', uid: named = '' } = next.metadata;
  // A patch that names no revision still carries the one it was applied to, so a retry passes here.
  if (revision !== '' && revision !== '0' && revision !== before) throw conflict(kind.asked, name, MODIFIED);
  if (named !== '' && named !== uid)
    throw conflict(
      kind.asked,
      name,
      `Precondition failed: UID in precondition: ${named}, UID in object meta: ${uid}`,
    );
  const stored = convert(withDefaults(kind.asked, next), kind.stored);
  stored.metadata = { ...stored.metadata };
  return stored;
}

interface WriteStep {
  readonly kind: StoredKind;
  readonly request: WriteRequest;
  readonly current: StoredObject;
  readonly old: Readonly<ApiObject>;
  readonly next: ApiObject;
}

async function writeOnce(parts: RegistryParts, step: WriteStep): Promise<ObjectBytes> {
  const { kind, request, current, old } = step;
  const { context, ownership } = request;
  const subresource = request.target.subresource ?? '';
  const object =
    request.prepare?.(step.next, old) ?? prepareUpdate(kind, { object: step.next, old, subresource });
  delete object.metadata.resourceVersion;
  if (ownership === 'kept') setEntries(object, storedEntries(old));
  else if (ownership === undefined) ownUpdated(parts, kind, { context, object, old, subresource });
  const asked = kind.strategy.claims === undefined ? object : cloneJson(object);
  if (subresource === '') kind.strategy.allocate?.(object);
  const admission = admissionOf(parts, step, { object, old });
  if (admission !== undefined) {
    await parts.admission.mutate(admission);
    if (isRewritten(admission)) takeRewritten(step, { object, old, seen: admission.object });
  }
  fillDefaults(kind.stored, object);
  const faults = [
    ...validateObject(kind, object, { old, subresource }),
    ...validateUpdate(kind, { object, old, subresource }),
  ];
  throwIfInvalid(kind.asked, request.target.name, faults);
  if (subresource === '') warnOf(kind, { object, old }, context);
  if (admission !== undefined) await parts.admission.validate(admission);
  const bytes = encodeBounded(object, { ownership });
  if (unchanged(object, old)) return present(parts, kind, current);
  const gone = isDone(kind, object);
  if (context.dryRun) return present(parts, kind, { bytes, revision: current.revision });
  const change = { key: current.key, expected: current.revision };
  const { signal } = context;
  const claims = await claimChanges(parts.store, kind, { object: gone ? undefined : object, old, signal });
  const { revision } = await parts.store
    .commit([gone ? change : { ...change, bytes }, ...claims], signal)
    .catch(async (error) => {
      if (isCode(error, 'Conflict')) await isClaimTaken(parts.store, kind, { object, asked, signal });
      throw error;
    });
  return present(parts, kind, { bytes, revision });
}

interface Versions {
  readonly object: ApiObject;
  readonly old: Readonly<ApiObject>;
}

function admissionOf(
  parts: RegistryParts,
  { kind, request }: WriteStep,
  { object, old }: Versions,
): AdmissionRequest | undefined {
  const { context, target, admitted } = request;
  if (admitted === 'before') return undefined;
  const { subresource = '', name, namespace } = target;
  const common = { context, operation: 'UPDATE', subresource } as const;
  if (admitted === undefined) return admissionRequest(parts, kind, { ...common, object, old });
  const { bodyKind } = admitted;
  const seen = { object: admitted.see(object), old: admitted.see(old) };
  return admissionRequest(parts, kind, { ...common, ...seen, name, namespace, bodyKind });
}

/** What a webhook or a policy made of the object may say no more than the caller may. */
function takeRewritten(
  { kind, request }: WriteStep,
  { object, old, seen }: Versions & { readonly seen: ApiObject },
): void {
  if (request.admitted !== undefined && request.admitted !== 'before') request.admitted.put(object, seen);
  if (request.prepare !== undefined) request.prepare(object, old);
  else prepareUpdate(kind, { object, old, subresource: request.target.subresource ?? '' });
  delete object.metadata.resourceVersion;
}

/** A write that changes nothing is none. When an owner wrote is not a change by itself. */
function unchanged(object: Readonly<ApiObject>, old: Readonly<ApiObject>): boolean {
  const { metadata: newer, ...rest } = object;
  const { metadata: older, ...restOfOld } = old;
  const { resourceVersion: _newer, managedFields: owners, ...metadata } = newer;
  const { resourceVersion: _older, managedFields: ownersOfOld, ...metadataOfOld } = older;
  return (
    sameButForTimes(owners ?? [], ownersOfOld ?? []) &&
    equalJson(metadata, metadataOfOld) &&
    equalJson(rest, restOfOld)
  );
}

function sameButForTimes(entries: readonly unknown[], others: readonly unknown[]): boolean {
  if (entries === others) return true;
  if (entries.length !== others.length) return false;
  const untimed = (entry: unknown) => ({ ...(entry as object), time: '' }); // A ManagedFieldsEntry.
  return entries.every((entry, index) => equalJson(untimed(entry), untimed(others[index])));
}

/** Whether the last thing that kept a deleted object has gone with this write. */
export function isDone(kind: StoredKind, object: Readonly<ApiObject>): boolean {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined) return false;
  if ((metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return (metadata.finalizers ?? []).length === 0 && kind.strategy.holds?.(object) !== true;
}
