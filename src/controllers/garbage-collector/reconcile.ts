import type { KindTable, ObjectMeta, OwnerReference } from '../../api/kind.ts';
import { eachLimited } from '../../lib/each-limited.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { warnOfNamespace } from './events.ts';
import { FOREGROUND, type GraphNode, isSuspect, ORPHAN, OwnerGraph } from './graph.ts';
import { Monitors } from './monitors.ts';
import { Objects } from './objects.ts';
import { type CollectorStep, type OwnerState, planDependent, withoutOwners } from './plan.ts';

/**
 * Deletes what lost its owners, holds owners until what blocks their deletion has gone, and takes orphans from owners
 * that leave them. The graph says what to look at; what is done rests on the objects as they are in the store.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export function garbageCollector(parts: ControllerParts): Controller {
  const { kinds, client, clock, log } = parts;
  const handlers = new Set<(uid: string) => void>();
  const graph = new OwnerGraph({
    check: (uid) => {
      for (const handler of handlers) handler(uid);
    },
    kindOf: (apiVersion, kind) => kindOf(kinds, apiVersion, kind),
  });
  const monitors = new Monitors(client, { kinds, graph, options: { clock, log } });
  const collector = new Collector(parts, graph);
  const changes = {
    onChange(handler: (uid: string) => void) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    whenSynced: async () => {}, // Each key waits, so that kinds that come later are waited for too.
  };
  return {
    name: 'garbage-collector',
    workers: LIMITS.garbageWorkers,
    sources: [{ informer: changes, keyOf: (uid) => uid }],
    run: (signal) => monitors.run(signal),
    async reconcile(uid, signal) {
      await monitors.whenSynced(signal);
      const node = graph.get(uid);
      if (node !== undefined && isSuspect(node)) await collector.look(node, signal);
      return undefined;
    },
  };
}

function kindOf(kinds: KindTable, apiVersion: string, kind: string) {
  const found = kinds.byKind(apiVersion, kind);
  return found === undefined ? undefined : { apiVersion, kind, namespaced: found.namespaced };
}

class Collector {
  readonly #parts: ControllerParts;
  readonly #graph: OwnerGraph;
  readonly #objects: Objects;

  constructor(parts: ControllerParts, graph: OwnerGraph) {
    this.#parts = parts;
    this.#graph = graph;
    this.#objects = new Objects(parts.client, parts.kinds);
  }

  async look(node: GraphNode, signal: AbortSignal): Promise<void> {
    if (node.virtual || !this.#objects.serves(node)) return;
    const found = await this.#objects.find(node, signal);
    if (found === undefined) {
      this.#graph.delete(node.uid);
      return;
    }
    const { deletionTimestamp, finalizers = [], ownerReferences = [] } = found;
    if (deletionTimestamp === undefined) {
      if (ownerReferences.length > 0) await this.#collect(node, found, signal);
    } else if (finalizers.includes(ORPHAN)) await this.#orphan(node, found, signal);
    else if (finalizers.includes(FOREGROUND)) await this.#foreground(node, found, signal);
  }

  /** Takes its dependents from an owner that leaves them, then lets it go. */
  async #orphan(owner: GraphNode, metadata: ObjectMeta, signal: AbortSignal): Promise<void> {
    const dependents = [...(owner.dependents?.keys() ?? [])];
    await eachLimited(dependents, LIMITS.garbageWorkers, async (dependent) => {
      await this.#changeOwners(dependent, signal, (owners) => withoutOwners(owners, [owner.uid]));
    });
    await this.#objects.dropFinalizer(owner, { metadata, finalizer: ORPHAN, signal });
  }

  /** Lets an owner go whose blocking dependents have gone; else sees to it that they go. */
  async #foreground(owner: GraphNode, metadata: ObjectMeta, signal: AbortSignal): Promise<void> {
    const blocking = [...(owner.dependents ?? [])].filter(([, blocks]) => blocks);
    if (blocking.length === 0)
      await this.#objects.dropFinalizer(owner, { metadata, finalizer: FOREGROUND, signal });
  }

  async #collect(node: GraphNode, metadata: ObjectMeta, signal: AbortSignal): Promise<void> {
    const states = new Map<string, OwnerState>();
    for (const reference of metadata.ownerReferences ?? [])
      states.set(reference.uid, await this.#stateOf(node, reference, signal));
    const dependents = [...(node.dependents?.keys() ?? [])];
    const steps = planDependent(metadata, {
      states,
      hasDependents: dependents.length > 0,
      dependentWaits: dependents.some(({ foreground }) => foreground),
    });
    let current: ObjectMeta | undefined = metadata;
    for (const step of steps)
      current = current && (await this.#act(node, { step, metadata: current, signal }));
  }

  /** @returns the object as it is after the step */
  async #act(
    node: GraphNode,
    act: { readonly step: CollectorStep; readonly metadata: ObjectMeta; readonly signal: AbortSignal },
  ): Promise<ObjectMeta | undefined> {
    const { step, metadata, signal } = act;
    switch (step.kind) {
      case 'delete':
        this.#parts.log.debug({ kind: node.kind?.kind, name: node.name, uid: node.uid }, 'collects garbage');
        await this.#objects.delete(node, { metadata, propagationPolicy: step.propagationPolicy, signal });
        return undefined;
      case 'drop-owners':
        return await this.#changeOwners(node, signal, (owners) => withoutOwners(owners, step.uids));
      case 'unblock':
        return await this.#changeOwners(node, signal, (owners) =>
          owners.map((owner) => ({ ...owner, blockOwnerDeletion: false })),
        );
    }
  }

  async #changeOwners(
    node: GraphNode,
    signal: AbortSignal,
    change: (owners: readonly OwnerReference[]) => OwnerReference[],
  ): Promise<ObjectMeta | undefined> {
    const metadata = await this.#objects.find(node, signal);
    if (metadata === undefined) return undefined;
    return await this.#objects.setOwners(node, {
      metadata,
      owners: change(metadata.ownerReferences ?? []),
      signal,
    });
  }

  async #stateOf(node: GraphNode, reference: OwnerReference, signal: AbortSignal): Promise<OwnerState> {
    const kind = kindOf(this.#parts.kinds, reference.apiVersion, reference.kind);
    if (this.#graph.isGone(reference.uid)) return 'absent';
    if (kind === undefined) return 'solid'; // Nobody can say; the kind may come back.
    const known = this.#graph.get(reference.uid);
    const elsewhere =
      kind.namespaced &&
      (node.namespace === '' || (known?.virtual === false && known.namespace !== node.namespace));
    if (elsewhere) await warnOfNamespace(this.#parts, { node, reference, signal });
    if (kind.namespaced && node.namespace === '') return 'solid'; // There is no namespace to look in.
    const namespace = kind.namespaced ? node.namespace : '';
    const found = await this.#objects.find(
      { kind, namespace, name: reference.name, uid: reference.uid },
      signal,
    );
    if (found === undefined) return 'absent';
    const waits = found.deletionTimestamp !== undefined && found.finalizers?.includes(FOREGROUND) === true;
    return waits ? 'waiting' : 'solid';
  }
}
