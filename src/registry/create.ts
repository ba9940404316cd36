import { cloneJson } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { admissionRequest, isRewritten } from './admit.ts';
import { claimChanges, isClaimTaken } from './claims.ts';
import { encodeBounded } from './encode-bounded.ts';
import { alreadyExists, throwIfInvalid } from './faults.ts';
import { objectBytes } from './object-bytes.ts';
import { ownCreated } from './ownership.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import { prepareAgain, prepareCreate } from './prepare.ts';
import type { CreateTarget, ObjectBytes, RequestContext } from './registry.ts';
import { present, storedKind, storeKey } from './storage.ts';
import { validateObject } from './validate.ts';
import { fillDefaults } from './walks.ts';
import { warnOf } from './warnings.ts';

const CLAIM_TAKEN = 'ClaimTaken';

export interface CreateRequest {
  readonly context: RequestContext;
  readonly target: CreateTarget;
  /** The object as asked for, decoded; create may change it. Runs again when a name or a claim was taken. */
  readonly make: () => ApiObject;
  /** `made`: the object says already who owns its fields. */
  readonly ownership?: 'made';
}

/** @throws AlreadyExists, Invalid, and what admission says. */
export async function create(parts: RegistryParts, request: CreateRequest): Promise<ObjectBytes> {
  const kind = storedKind(parts, request.target.kind);
  if (kind.asked.custom?.terminating === true)
    throw new AmphoraError(
      'MethodNotAllowed',
      'create not allowed while custom resource definition is terminating',
    );
  for (let attempt = 1; ; attempt++) {
    const object = request.make();
    const generated = (object.metadata?.name ?? '') === '' && request.target.name === undefined;
    try {
      return await createOnce(parts, kind, { ...request, object });
    } catch (error) {
      const again = (generated && isCode(error, 'AlreadyExists')) || isUnlucky(error);
      if (!again || attempt >= LIMITS.generatedNameTries) throw error;
    }
  }
}

async function createOnce(
  parts: RegistryParts,
  kind: StoredKind,
  request: CreateRequest & { readonly object: ApiObject },
): Promise<ObjectBytes> {
  const { context, target, ownership } = request;
  const object = prepareCreate(kind, target, {
    object: request.object,
    clock: parts.clock,
    own: (made) => {
      if (ownership === undefined) ownCreated(parts, kind, { context, object: made });
    },
  });
  const admission = admissionRequest(parts, kind, { context, operation: 'CREATE', object });
  await parts.admission.mutate(admission);
  if (isRewritten(admission)) prepareAgain(kind, object);
  fillDefaults(kind.stored, object);
  kind.strategy.defaults?.(object); // What plugins added gets its defaults too.
  const asked = kind.strategy.claims === undefined ? object : cloneJson(object);
  kind.strategy.allocate?.(object);
  throwIfInvalid(kind.asked, object.metadata.name ?? '', validateObject(kind, object));
  warnOf(kind, { object }, context);
  await parts.admission.validate(admission);
  const key = storeKey(kind.stored, object.metadata.namespace ?? '', object.metadata.name);
  const bytes = encodeBounded(object, { ownership });
  if (context.dryRun) {
    if ((await parts.store.get(key, { signal: context.signal })) !== undefined)
      throw alreadyExists(kind.asked, key.name);
    return present(parts, kind, { bytes, revision: 0 });
  }
  try {
    const claims = await claimChanges(parts.store, kind, { object, old: undefined, signal: context.signal });
    const changes = [{ key, bytes, expected: 0 }, ...claims];
    const { revision } = await parts.store.commit(changes, context.signal);
    return kind.asked === kind.stored
      ? objectBytes(bytes, revision)
      : present(parts, kind, { bytes, revision });
  } catch (error) {
    if (!isCode(error, 'Conflict')) throw error;
    const exists = (await parts.store.get(key, { signal: context.signal })) !== undefined;
    if (exists) throw alreadyExists(kind.asked, key.name);
    const taken = await isClaimTaken(parts.store, kind, { object, asked, signal: context.signal });
    throw taken ? unlucky(error) : alreadyExists(kind.asked, key.name);
  }
}

/** What the server chose for the object was taken meanwhile. */
function unlucky(cause: unknown): AmphoraError {
  const message = 'what was chosen for the object was taken by another at the same time: try again';
  const details = [{ reason: CLAIM_TAKEN, field: 'spec', message }];
  return new AmphoraError('TooManyRequests', message, { cause, retryAfterSeconds: 1, details });
}

function isUnlucky(error: unknown): boolean {
  return isCode(error, 'TooManyRequests') && error.details[0]?.reason === CLAIM_TAKEN;
}
