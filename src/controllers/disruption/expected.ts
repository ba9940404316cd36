import {
  apiVersionOf,
  type Kind,
  type KindTable,
  type ObjectMeta,
  type OwnerReference,
} from '../../api/kind.ts';
import type { Pod } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { isCode } from '../../lib/errors.ts';

interface Scale {
  readonly spec?: { readonly replicas?: number };
}

/**
 * How many pods are wanted by whoever owns these: each owner's scale, or that of what owns the owner where that can be
 * scaled, too. Pods without an owner count for nothing, as upstream has it.
 * @returns a text when an owner's scale cannot be found out
 */
export async function expectedPods(
  client: Client,
  options: { readonly kinds: KindTable; readonly pods: readonly Pod[]; readonly signal: AbortSignal },
): Promise<number | string> {
  const { kinds, pods, signal } = options;
  const owners = new Map<string, { readonly owner: OwnerReference; readonly namespace: string }>();
  for (const { metadata } of pods) {
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
    if (owner !== undefined) owners.set(owner.uid, { owner, namespace: metadata?.namespace ?? '' });
  }
  const counted = new Map<string, number>();
  for (const { owner, namespace } of owners.values()) {
    const found = await scaleOf(client, { kinds, owner, namespace, signal });
    if (typeof found === 'string') return found;
    counted.set(found.uid, found.replicas);
  }
  return [...counted.values()].reduce((sum, replicas) => sum + replicas, 0);
}

interface Asked {
  readonly kinds: KindTable;
  readonly owner: OwnerReference;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

async function scaleOf(
  client: Client,
  { kinds, owner, namespace, signal }: Asked,
): Promise<{ readonly uid: string; readonly replicas: number } | string> {
  const kind = kinds.byKind(owner.apiVersion, owner.kind);
  if (kind === undefined || !hasScale(kind)) return `${owner.kind} does not implement the scale subresource`;
  const at = { apiVersion: apiVersionOf(kind), resource: kind.resource, namespace, name: owner.name };
  try {
    const { metadata } = await client.get<{ metadata: ObjectMeta }>(at, { signal, metadataOnly: true });
    if (metadata.uid !== owner.uid) return `found no controller of uid ${owner.uid}`;
    const above = metadata.ownerReferences?.find(({ controller }) => controller === true);
    const higher = above === undefined ? undefined : kinds.byKind(above.apiVersion, above.kind);
    if (above !== undefined && higher !== undefined && hasScale(higher))
      return await scaleOf(client, { kinds, owner: above, namespace, signal });
    const scale = await client.get<Scale>({ ...at, subresource: 'scale' }, { signal });
    return { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 };
  } catch (error) {
    if (isCode(error, 'NotFound')) return error.message;
    throw error;
  }
}

function hasScale(kind: Kind): boolean {
  return kind.subresources.some(({ name }) => name === 'scale');
}
