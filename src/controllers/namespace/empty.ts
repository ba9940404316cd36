import { apiVersionOf, type Kind, type ObjectMeta } from '../../api/kind.ts';
import type { Client } from '../../client/client.ts';
import { eachLimited } from '../../lib/each-limited.ts';
import { isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Remaining } from './plan.ts';

/** Tells the objects of one kind in a namespace, or everywhere where that is left out, to go. @returns what is left */
export async function emptyKind(
  client: Client,
  {
    kind,
    namespace,
    signal,
  }: { readonly kind: Kind; readonly namespace?: string; readonly signal: AbortSignal },
): Promise<Remaining> {
  const collection = {
    apiVersion: apiVersionOf(kind),
    resource: kind.resource,
    ...(namespace === undefined ? {} : { namespace }),
  };
  const list = async () =>
    (await client.list<{ metadata: ObjectMeta }>(collection, {}, { signal, metadataOnly: true })).items;
  const going = (await list()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  await eachLimited(going, LIMITS.deleteCollectionParallel, async ({ metadata }) => {
    const { name, uid } = metadata;
    const at = {
      ...collection,
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
    };
    const body = { propagationPolicy: 'Background', preconditions: { uid } };
    await client.delete(at, body, { signal }).catch((error) => {
      if (!isCode(error, 'NotFound', 'Conflict')) throw error;
    });
  });
  const left = await list();
  const finalizers = new Map<string, number>();
  for (const { metadata } of left)
    for (const name of metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  return { resource: `${kind.resource}.${kind.group}`, count: left.length, finalizers };
}
