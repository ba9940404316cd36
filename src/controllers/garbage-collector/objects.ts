import type { KindTable, ObjectMeta, OwnerReference } from '../../api/kind.ts';
import type { Client, ObjectReference } from '../../client/client.ts';
import { isCode } from '../../lib/errors.ts';
import type { NodeKind } from './graph.ts';

/** Where an object is said to be, and which it has to be. */
export interface Identity {
  readonly kind: NodeKind | undefined;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The objects of the graph as they are in the store: only their metadata is read and written. */
export class Objects {
  readonly #client: Client;
  readonly #kinds: KindTable;

  constructor(client: Client, kinds: KindTable) {
    this.#client = client;
    this.#kinds = kinds;
  }

  serves(identity: Identity): boolean {
    return this.#referenceOf(identity) !== undefined;
  }

  /** Undefined when there is none of that uid. */
  async find(identity: Identity, signal: AbortSignal): Promise<ObjectMeta | undefined> {
    const at = this.#referenceOf(identity);
    if (at === undefined) return undefined;
    const found = await unlessGone(
      this.#client.get<{ readonly metadata: ObjectMeta }>(at, { signal, metadataOnly: true }),
    );
    return found?.metadata.uid === identity.uid ? found.metadata : undefined;
  }

  /** @throws Conflict when the object has changed since it was read. */
  async delete(
    identity: Identity,
    how: { readonly metadata: ObjectMeta; readonly propagationPolicy: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const at = this.#referenceOf(identity);
    const { propagationPolicy, metadata, signal } = how;
    const { resourceVersion } = metadata;
    const body = { propagationPolicy, preconditions: { uid: identity.uid, resourceVersion } };
    if (at !== undefined) await unlessGone(this.#client.delete(at, body, { signal }));
  }

  /** @throws Conflict when the object has changed since it was read. */
  async setOwners(
    identity: Identity,
    how: {
      readonly metadata: ObjectMeta;
      readonly owners: OwnerReference[];
      readonly signal: AbortSignal;
    },
  ): Promise<ObjectMeta | undefined> {
    return await this.#patch(identity, { ...how, change: { ownerReferences: how.owners } });
  }

  /** @throws Conflict when the object has changed since it was read. */
  async dropFinalizer(
    identity: Identity,
    how: { readonly metadata: ObjectMeta; readonly finalizer: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const finalizers = (how.metadata.finalizers ?? []).filter((name) => name !== how.finalizer);
    await this.#patch(identity, { ...how, change: { finalizers } });
  }

  async #patch(
    identity: Identity,
    how: {
      readonly metadata: ObjectMeta;
      readonly change: Partial<ObjectMeta>;
      readonly signal: AbortSignal;
    },
  ): Promise<ObjectMeta | undefined> {
    const at = this.#referenceOf(identity);
    if (at === undefined) return undefined;
    const { uid, resourceVersion } = how.metadata;
    const body = { metadata: { uid, resourceVersion, ...how.change } };
    const { signal } = how;
    const patched = this.#client.patch<{ readonly metadata: ObjectMeta }>(
      at,
      { type: 'merge', body },
      { signal },
    );
    return (await unlessGone(patched))?.metadata;
  }

  #referenceOf({ kind, namespace, name }: Identity): ObjectReference | undefined {
    if (kind === undefined) return undefined;
    const { apiVersion } = kind;
    const resource = this.#kinds.byKind(apiVersion, kind.kind)?.resource;
    if (resource === undefined) return undefined;
    return kind.namespaced ? { apiVersion, resource, namespace, name } : { apiVersion, resource, name };
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isCode(error, 'NotFound')) return undefined;
    throw error;
  }
}
