import { apiVersionOf, type KindTable } from '../../api/kind.ts';
import type { CustomResourceDefinition } from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import type { Informers } from '../informers.ts';
import { CLEANUP_FINALIZER, planStatus, planTerminating, type TakenNames } from './plan.ts';

const COLLECTION = { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' };
/** How soon to look whether the server serves what was accepted, or whether what was told to go has gone. */
const SERVED_AGAIN_MS = 5;
const EMPTY_AGAIN_MS = 200;
const NO_NAMES = { categories: null, listKind: null, shortNames: null, singular: null };
/** How many objects are told to go at once. */
const AT_ONCE = 32;

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
      if (crd.metadata?.deletionTimestamp !== undefined)
        return await cleanUp(client, { crd, kinds, now: toTime(clock.now()), signal });
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
    // A merge takes away only what is null.
    const acceptedNames = { ...NO_NAMES, ...status.acceptedNames };
    const body = {
      metadata: { resourceVersion: crd.metadata?.resourceVersion },
      status: { ...status, acceptedNames },
    };
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
  const builtIn = kinds.all().filter(({ group, custom }) => group === crd.spec.group && custom === undefined);
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

interface Cleaning {
  readonly crd: CustomResourceDefinition;
  readonly kinds: KindTable;
  readonly now: string;
  readonly signal: AbortSignal;
}

async function cleanUp(client: Client, options: Cleaning): Promise<{ againAfterMs: number } | undefined> {
  const { crd, signal } = options;
  const { name = '', finalizers = [], resourceVersion } = crd.metadata ?? {};
  if (!finalizers.includes(CLEANUP_FINALIZER)) return undefined;
  const { left, held } = await deleteObjects(client, options);
  if (left > 0) {
    if (held > 0) await sayTerminating(client, options);
    return { againAfterMs: held > 0 ? EMPTY_AGAIN_MS : SERVED_AGAIN_MS };
  }
  const others = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
  const body = { metadata: { resourceVersion, finalizers: others } };
  await client.patch({ ...COLLECTION, name }, { type: 'merge', body }, { signal }).catch(ignoreStale);
  return undefined;
}

/** The objects' own finalizers can make it last: say so. */
async function sayTerminating(client: Client, { crd, now, signal }: Cleaning): Promise<void> {
  const { name = '', resourceVersion } = crd.metadata ?? {};
  const status = planTerminating(crd, now);
  if (status === undefined) return;
  const body = { metadata: { resourceVersion }, status };
  await client
    .patch({ ...COLLECTION, name, subresource: 'status' }, { type: 'merge', body }, { signal })
    .catch(ignoreStale);
}

/** Tells the kind's objects to go. @returns how many were there, and how many of them were told before */
async function deleteObjects(
  client: Client,
  { crd, kinds, signal }: Cleaning,
): Promise<{ readonly left: number; readonly held: number }> {
  const { group, names } = crd.spec;
  const all = kinds.all().filter((one) => one.group === group && one.resource === names.plural);
  // The stored version needs nobody to convert it.
  const kind = all.find(({ version, storageVersion }) => version === storageVersion) ?? all[0];
  // One that was never served has none; one that holds a built-in kind's name must not touch that kind's.
  if (kind?.custom === undefined) return { left: 0, held: 0 };
  const collection = { apiVersion: apiVersionOf(kind), resource: kind.resource };
  const { items } = await client.list(collection, {}, { signal, metadataOnly: true });
  const fresh = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (let at = 0; at < fresh.length; at += AT_ONCE)
    await Promise.all(
      fresh
        .slice(at, at + AT_ONCE)
        .map(({ metadata: { name, namespace } }) =>
          client
            .delete(
              namespace === undefined ? { ...collection, name } : { ...collection, name, namespace },
              {},
              { signal },
            )
            .catch(ignoreGone),
        ),
    );
  return { left: items.length, held: items.length - fresh.length };
}

function ignoreGone(error: unknown): void {
  if (!isCode(error, 'NotFound')) throw error;
}

/** What was read is not the newest: the event of the newer one brings the key again. */
function ignoreStale(error: unknown): void {
  if (!isCode(error, 'Conflict', 'NotFound')) throw error;
}
