import type { Node, Pod } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { runControlLoop } from '../client/control-loop.ts';
import { type Informer, keyOf } from '../client/informer.ts';
import { WorkQueue } from '../client/work-queue.ts';
import { type Clock, toMicroTime, toTime } from '../lib/clock.ts';
import { isCode } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { plan } from './plan.ts';
import { takeSnapshot } from './snapshot.ts';

export interface SchedulerParts {
  readonly client: Client;
  /** Shared with the controllers: a cluster's pods are in memory once. Who made them runs them. */
  readonly informers: { readonly pods: Informer<Pod>; readonly nodes: Informer<Node> };
  readonly clock: Clock;
  readonly log: Logger;
}

const SCHEDULER_NAME = 'default-scheduler';
/** One at a time: each decision must see the one before. */
const WORKERS = 1;
/** A pod that fits nowhere is tried again when a node changes, and after this at the latest. */
const AGAIN_MS = 30_000;

/** Binds pods to nodes until the signal aborts. */
export async function runScheduler(parts: SchedulerParts, signal: AbortSignal): Promise<void> {
  const { clock } = parts;
  const { pods, nodes } = parts.informers;
  const queue = new WorkQueue({ clock });
  const scheduler = new Scheduler(parts, pods, nodes);
  pods.onChange((key) => {
    scheduler.observed(key);
    if (scheduler.isPending(key)) queue.add(key);
  });
  nodes.onChange(() => {
    for (const pod of pods.list()) if (scheduler.isPending(keyOf(pod))) queue.add(keyOf(pod));
  });
  await scheduler.work(queue, signal);
}

class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  /** Bound here, but not yet seen so in the cache: they count against their node all the same. */
  readonly #assumed = new Map<string, Pod>();

  constructor(parts: SchedulerParts, pods: Informer<Pod>, nodes: Informer<Node>) {
    this.#parts = parts;
    this.#pods = pods;
    this.#nodes = nodes;
  }

  async work(queue: WorkQueue, signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.#pods.whenSynced(signal), this.#nodes.whenSynced(signal)]);
    } catch {
      return; // Only the signal ends the wait.
    }
    const reconcile = (key: string, aborted: AbortSignal) => this.#schedule(key, aborted);
    await runControlLoop({ queue, reconcile, workers: WORKERS, signal, log: this.#parts.log });
  }

  isPending(key: string): boolean {
    const pod = this.#pods.get(key);
    if (pod?.spec === undefined || this.#assumed.has(key)) return false;
    const isOurs = (pod.spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME;
    const gated = (pod.spec.schedulingGates ?? []).length > 0;
    return isOurs && !gated && !isBound(pod) && pod.metadata?.deletionTimestamp === undefined;
  }

  /** The cache has caught up with what was assumed, or the pod is gone. */
  observed(key: string): void {
    const pod = this.#pods.get(key);
    if (pod === undefined || isBound(pod)) this.#assumed.delete(key);
  }

  async #schedule(key: string, signal: AbortSignal): Promise<{ againAfterMs: number } | undefined> {
    const pod = this.#pods.get(key);
    if (pod === undefined || !this.isPending(key)) return undefined;
    const bound = this.#pods.list().filter(isBound);
    const placement = plan(pod, takeSnapshot(this.#nodes.list(), [...bound, ...this.#assumed.values()]));
    if (placement.kind === 'bind') {
      await this.#bind(pod, placement.node, signal);
      return undefined;
    }
    await this.#report(pod, placement.message, signal);
    return { againAfterMs: AGAIN_MS };
  }

  async #bind(pod: Pod, node: string, signal: AbortSignal): Promise<void> {
    const { name = '', namespace = '', uid } = pod.metadata ?? {};
    const key = keyOf(pod);
    this.#assumed.set(key, {
      ...pod,
      spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: node },
    });
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    try {
      const path = { apiVersion: 'v1', resource: 'pods', namespace };
      await this.#parts.client.create({ ...path, name, subresource: 'binding' }, binding, { signal });
      const message = `Successfully assigned ${namespace}/${name} to ${node}`;
      void this.#event(pod, { type: 'Normal', reason: 'Scheduled', message }, signal);
    } catch (error) {
      this.#assumed.delete(key);
      if (!isCode(error, 'NotFound', 'Conflict')) throw error; // It went, or was bound by somebody else.
    }
  }

  async #report(pod: Pod, message: string, signal: AbortSignal): Promise<void> {
    const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (known?.reason === 'Unschedulable' && known.message === message) return;
    const { name = '', namespace = '' } = pod.metadata ?? {};
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: toTime(this.#parts.clock.now()),
    };
    const body = { status: { conditions: [condition] } };
    const reference = { apiVersion: 'v1', resource: 'pods', namespace, name, subresource: 'status' };
    await this.#parts.client.patch(reference, { type: 'strategic', body }, { signal });
    await this.#event(pod, { type: 'Warning', reason: 'FailedScheduling', message }, signal);
  }

  /** Events tell people; one that can't be written must not keep a pod from running. */
  async #event(
    pod: Pod,
    event: { type: string; reason: string; message: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const now = toMicroTime(this.#parts.clock.now());
    const object = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      eventTime: now,
      reportingComponent: SCHEDULER_NAME,
      reportingInstance: SCHEDULER_NAME,
      source: { component: SCHEDULER_NAME },
      firstTimestamp: `${now.slice(0, 19)}Z`,
      lastTimestamp: `${now.slice(0, 19)}Z`,
      count: 1,
      action: 'Binding',
      ...event,
    };
    await this.#parts.client
      .create({ apiVersion: 'v1', resource: 'events', namespace }, object, { signal })
      .catch((error) => {
        this.#parts.log.warn({ pod: `${namespace}/${name}`, error: String(error) }, 'event not written');
      });
  }
}

function isBound(pod: Pod): boolean {
  return pod.spec?.nodeName !== undefined && pod.spec.nodeName !== '';
}
