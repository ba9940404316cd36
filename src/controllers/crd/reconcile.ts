import { apiVersionOf, type KindTable } from '../../api/kind.ts';
import type { CustomResourceDefinition } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import type { Informers } from '../informers.ts';
import { CLEANUP_FINALIZER, planStatus, type TakenNames } from './plan.ts';

const COLLECTION = { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' };
/** How soon to look whether the server serves what was accepted, or whether what was told to go has gone. */
const SERVED_AGAIN_MS = 5;
const EMPTY_AGAIN_MS = 200;

/**
 * Says whether a CRD's names are accepted and its kind is served, and removes the objects of one that is being
 * deleted before it lets it go. The kinds themselves are added by each server (`registry/custom-kinds.ts`).
 */
export function crdController({ client, informers, kinds, clock }: ControllerParts): Controller {
  const { definitions } = informers;
  return {
    name: 'custom-resource-definition',
    sources: [{ informer: definitions, keyOf: (key) => key }],
    async reconcile(key, signal) {
      const crd = definitions.get(key);
      if (crd === undefined) {
        await wakeRefused({ client, informers, kinds, now: toTime(clock.now()), signal });
        return undefined;
      }
      if (crd.metadata?.deletionTimestamp !== undefined) return await cleanUp(client, { crd, kinds, signal });
      return await reconcileStatus(client, { crd, informers, kinds, now: toTime(clock.now()), signal });
    },
  };
}

interface Reconciling {
  readonly crd: CustomResourceDefinition;
  readonly informers: Informers;
  readonly kinds: KindTable;
  readonly now: string;
  readonly signal: AbortSignal;
}

async function reconcileStatus(
  client: Client,
  { crd, informers, kinds, now, signal }: Reconciling,
): Promise<{ againAfterMs: number } | undefined> {
  const served = isServed(crd, kinds);
  const status = planStatus(crd, { taken: takenNames(crd, informers, kinds), served, now });
  if (status !== undefined) {
    const name = crd.metadata?.name ?? '';
    const body = { metadata: { resourceVersion: crd.metadata?.resourceVersion }, status };
    await client
      .patch({ ...COLLECTION, name, subresource: 'status' }, { type: 'merge', body }, { signal })
      .catch(ignoreStale);
  }
  const accepted = (status?.conditions ?? crd.status?.conditions ?? []).some(
    (one) => one.type === 'NamesAccepted' && one.status === 'True',
  );
  return accepted && !served ? { againAfterMs: SERVED_AGAIN_MS } : undefined;
}

/** A CRD that went may have held the names that others wait for. */
async function wakeRefused(options: Omit<Reconciling, 'crd'> & { readonly client: Client }): Promise<void> {
  for (const crd of options.informers.definitions.list()) {
    const refused = (crd.status?.conditions ?? []).some(
      (one) => one.type === 'NamesAccepted' && one.status === 'False',
    );
    if (refused) await reconcileStatus(options.client, { ...options, crd });
  }
}

function isServed(crd: CustomResourceDefinition, kinds: KindTable): boolean {
  const { group, names, versions } = crd.spec;
  return versions.every(({ name, served }) => !served || kinds.find(group, name, names.plural) !== undefined);
}

/** Of built-in kinds and of what other CRDs of the group were given. */
function takenNames(crd: CustomResourceDefinition, informers: Informers, kinds: KindTable): TakenNames {
  const builtIn = kinds.all().filter(({ group, schema }) => group === crd.spec.group && schema.name !== '');
  const others = informers.definitions
    .list()
    .filter(({ metadata, spec }) => spec.group === crd.spec.group && metadata?.name !== crd.metadata?.name)
    .map(({ status }) => status?.acceptedNames)
    .filter((names) => names !== undefined);
  return {
    resources: new Set([
      ...builtIn.flatMap((kind) => [kind.resource, kind.singular, ...kind.shortNames]),
      ...others.flatMap(({ plural, singular = plural, shortNames = [] }) => [
        plural,
        singular,
        ...shortNames,
      ]),
    ]),
    kinds: new Set([
      ...builtIn.flatMap(({ kind, listKind }) => [kind, listKind]),
      ...others.flatMap(({ kind, listKind = kind }) => [kind, listKind]),
    ]),
  };
}

async function cleanUp(
  client: Client,
  options: {
    readonly crd: CustomResourceDefinition;
    readonly kinds: KindTable;
    readonly signal: AbortSignal;
  },
): Promise<{ againAfterMs: number } | undefined> {
  const { crd, kinds, signal } = options;
  const { name = '', finalizers = [], resourceVersion } = crd.metadata ?? {};
  if (!finalizers.includes(CLEANUP_FINALIZER)) return undefined;
  if ((await deleteObjects(client, { crd, kinds, signal })) > 0) return { againAfterMs: EMPTY_AGAIN_MS };
  const left = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
  const body = { metadata: { resourceVersion, finalizers: left } };
  await client.patch({ ...COLLECTION, name }, { type: 'merge', body }, { signal }).catch(ignoreStale);
  return undefined;
}

/** Tells the kind's objects to go. @returns how many were there */
async function deleteObjects(
  client: Client,
  options: {
    readonly crd: CustomResourceDefinition;
    readonly kinds: KindTable;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { crd, kinds, signal } = options;
  const { group, names } = crd.spec;
  const kind = kinds.all().find((one) => one.group === group && one.resource === names.plural);
  // One that was never served has none; one that holds a built-in kind's name must not touch that kind's.
  if (kind === undefined || kind.schema.name !== '') return 0;
  const collection = { apiVersion: apiVersionOf(kind), resource: kind.resource };
  const { items } = await client.list(collection, {}, { signal });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    const { namespace } = metadata;
    const reference = { ...collection, name: metadata.name };
    await client
      .delete(namespace === undefined ? reference : { ...reference, namespace }, {}, { signal })
      .catch((error) => {
        if (!isCode(error, 'NotFound')) throw error;
      });
  }
  return items.length;
}

/** What was read is not the newest: the event of the newer one brings the key again. */
function ignoreStale(error: unknown): void {
  if (!isCode(error, 'Conflict', 'NotFound')) throw error;
}
