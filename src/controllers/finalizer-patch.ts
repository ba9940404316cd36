import type { ObjectMeta } from '../api/types.generated.ts';
import type { Client, ObjectReference } from '../client/client.ts';
import { isCode } from '../lib/errors.ts';

/** Adds or takes off one finalizer; a change that came between is a conflict, and the key is looked at again. */
export async function patchFinalizer(
  client: Client,
  reference: ObjectReference,
  change: {
    readonly metadata: ObjectMeta;
    readonly finalizer: string;
    readonly keep: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { metadata, finalizer, keep, signal } = change;
  const others = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const { uid, resourceVersion } = metadata;
  const finalizers = keep ? [...others, finalizer] : others;
  const body = { metadata: { uid, resourceVersion, finalizers } };
  await client.patch(reference, { type: 'merge', body }, { signal }).catch((error) => {
    if (!isCode(error, 'NotFound')) throw error;
  });
}
