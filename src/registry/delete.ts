import type { ApiObject } from '../api/kind.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Change, StoredObject } from '../store/store.ts';
import { admissionRequest } from './admit.ts';
import { claimChanges } from './claims.ts';
import { markDeleted } from './delete-mark.ts';
import { conflict } from './faults.ts';
import { encodeObject } from './object-bytes.ts';
import type { RegistryParts, StoredKind } from './parts.ts';
import type { Deleted, DeleteOptions, RequestContext, ResourceTarget } from './registry.ts';
import { mustLoad, present, storedKind, thaw } from './storage.ts';

interface DeleteRequest {
  readonly context: RequestContext;
  readonly target: ResourceTarget;
  readonly options: DeleteOptions;
  /** Whether it is the consequence of what was admitted: an eviction. */
  readonly admitted?: boolean;
}

/** @throws NotFound; Conflict when a precondition does not hold. */
export async function remove(parts: RegistryParts, request: DeleteRequest): Promise<Deleted> {
  const kind = storedKind(parts, request.target.kind);
  const { namespace, name } = request.target;
  const { signal } = request.context;
  for (let attempt = 1; ; attempt++) {
    const current = await mustLoad(parts, kind, { namespace, name, signal });
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
  checkPreconditions(kind, object, request);
  if (request.admitted !== true) {
    const deletion = request.options;
    const asked = admissionRequest(parts, kind, {
      context,
      operation: 'DELETE',
      object,
      old: object,
      deletion,
    });
    await parts.admission.mutate(asked);
    await parts.admission.validate(asked);
  }
  const mark = markDeleted(kind, object, { options: request.options, now: parts.clock.now() });
  const shown = kind.strategy.returnsDeleted === true;
  if (mark === 'kept') return { object: present(parts, kind, current), gone: false, shown: true };
  const gone = mark === 'gone';
  const bytes = gone ? current.bytes : encodeObject(object);
  let { revision } = current;
  if (!context.dryRun) {
    const change = { key: current.key, expected: current.revision };
    const claims = await givenBack(parts, kind, { object: gone ? undefined : object, current, context });
    ({ revision } = await parts.store.commit(
      [gone ? change : { ...change, bytes }, ...claims],
      context.signal,
    ));
  }
  return { object: present(parts, kind, { bytes, revision }), gone, shown: shown || !gone };
}

/** The claims that go with the object. */
async function givenBack(
  parts: RegistryParts,
  kind: StoredKind,
  change: {
    readonly object: ApiObject | undefined;
    readonly current: StoredObject;
    readonly context: RequestContext;
  },
): Promise<readonly Change[]> {
  if (kind.strategy.claims === undefined) return [];
  const { object, current, context } = change;
  return await claimChanges(parts.store, kind, { object, old: thaw(current), signal: context.signal });
}

/** In the words of upstream's BeforeDelete. */
function checkPreconditions(kind: StoredKind, { metadata }: ApiObject, request: DeleteRequest): void {
  const { preconditions } = request.options;
  if (preconditions === undefined) return;
  const { name } = request.target;
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(
      kind.asked,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)
    throw conflict(
      kind.asked,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
}
