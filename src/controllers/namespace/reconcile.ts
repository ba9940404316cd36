import { apiVersionOf, type Kind, type KindTable } from '../../api/kind.ts';
import type { Namespace } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { planNamespace } from './plan.ts';

/** How soon to look again whether what was told to go has gone: pods take their grace period. */
const AGAIN_MS = 500;

/** Empties a namespace that is being deleted, and lets it go when nothing is left in it. */
export function namespaceController({ client, informers, kinds }: ControllerParts): Controller {
  return {
    name: 'namespace',
    sources: [{ informer: informers.namespaces, keyOf: (key) => key }],
    async reconcile(key, signal) {
      const namespace = informers.namespaces.get(key);
      if (namespace?.metadata?.deletionTimestamp === undefined) return undefined;
      const left = await deleteContents(client, { kinds, namespace: key, signal });
      const step = planNamespace(namespace, left === 0);
      if (step?.kind === 'finalize') {
        await finalize(client, { namespace, finalizers: step.finalizers, signal });
        return undefined;
      }
      return step === undefined ? undefined : { againAfterMs: AGAIN_MS };
    },
  };
}

interface Emptying {
  readonly kinds: KindTable;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** Tells everything in the namespace to go. @returns how many objects were there */
async function deleteContents(client: Client, emptying: Emptying): Promise<number> {
  const resources = emptying.kinds.all().filter(isStoredInNamespaces);
  const counts = await Promise.all(resources.map((kind) => deleteAll(client, kind, emptying)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Each object once: of a kind with several versions, the one that is stored. */
function isStoredInNamespaces(kind: Kind): boolean {
  const verbs = kind.verbs;
  return (
    kind.namespaced &&
    verbs.includes('list') &&
    verbs.includes('delete') &&
    kind.version === kind.storageVersion
  );
}

async function deleteAll(client: Client, kind: Kind, { namespace, signal }: Emptying): Promise<number> {
  const collection = { apiVersion: apiVersionOf(kind), resource: kind.resource, namespace };
  const { items } = await client.list(collection, {}, { signal });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    await client.delete({ ...collection, name: metadata.name }, {}, { signal }).catch((error) => {
      if (!isCode(error, 'NotFound')) throw error;
    });
  }
  return items.length;
}

interface Finalizing {
  readonly namespace: Namespace;
  readonly finalizers: readonly string[];
  readonly signal: AbortSignal;
}

async function finalize(client: Client, { namespace, finalizers, signal }: Finalizing): Promise<void> {
  const reference = {
    apiVersion: 'v1',
    resource: 'namespaces',
    name: namespace.metadata?.name ?? '',
    subresource: 'finalize',
  };
  const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
  await client.update(reference, body, { signal }).catch((error) => {
    if (!isCode(error, 'NotFound')) throw error;
  });
}
