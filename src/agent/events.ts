import { createHash } from 'node:crypto';
import type { Event, ObjectReference } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { type Clock, toTime } from '../lib/clock.ts';
import { isCode } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';

export interface NodeEvent {
  readonly about: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly signal: AbortSignal;
}

/** A reference to a pod, or to one container of it. */
export function podReference(
  pod: { readonly namespace: string; readonly name: string; readonly uid: string },
  container?: { readonly name: string; readonly init: boolean },
): ObjectReference {
  const list = container?.init === true ? 'initContainers' : 'containers';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod,
    ...(container === undefined ? {} : { fieldPath: `spec.${list}{${container.name}}` }),
  };
}

/**
 * Writes events one after another. The same event told again raises a count instead of making an object, also
 * across restarts of the agent, because an event's name follows from what it says.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #counts = new Map<string, number>();
  #queued = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Resolves to whether the event was written; when too many wait, it is dropped. */
  record(event: NodeEvent): Promise<boolean> {
    if (this.#queued >= LIMITS.eventQueue) {
      this.#options.log.warn(
        { reason: event.reason, about: event.about.name },
        'event dropped: too many waiting',
      );
      return Promise.resolve(false);
    }
    this.#queued += 1;
    const at = this.#options.clock.now();
    const written = this.#tail
      .then(() => this.#write(event, at))
      .finally(() => {
        this.#queued -= 1;
      });
    this.#tail = written.then(
      () => {},
      () => {},
    );
    return written;
  }

  async #write(event: NodeEvent, at: number): Promise<boolean> {
    const { log, signal } = this.#options;
    if (signal.aborted) return false;
    try {
      await this.#createOrCount(event, at);
      return true;
    } catch (error) {
      log.warn({ err: error, reason: event.reason, about: event.about.name }, 'event not written');
      return false;
    }
  }

  async #createOrCount(event: NodeEvent, at: number): Promise<void> {
    const { client, nodeName } = this.#options;
    const name = nameOf(event);
    const namespace = event.about.namespace ?? 'default';
    const collection = { apiVersion: 'v1', resource: 'events', namespace };
    const known = this.#counts.get(name);
    const time = toTime(at);
    const call = { signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(30 * SECOND_MS)]) };
    if (known === undefined) {
      const body = eventObject(event, { name, namespace, nodeName, time });
      try {
        await client.create(collection, body, call);
        this.#remember(name, 1);
        return;
      } catch (error) {
        if (!isCode(error, 'AlreadyExists')) throw error;
      }
    }
    const count = (known ?? (await client.get<Event>({ ...collection, name }, call)).count ?? 1) + 1;
    await client
      .patch({ ...collection, name }, { type: 'merge', body: { count, lastTimestamp: time } }, call)
      .then(() => this.#remember(name, count))
      .catch((error: unknown) => {
        // Its time was over and the API removed it: the next telling makes it anew.
        this.#counts.delete(name);
        throw error;
      });
  }

  #remember(name: string, count: number): void {
    this.#counts.delete(name);
    this.#counts.set(name, count);
    const oldest = this.#counts.size > LIMITS.eventMemory ? this.#counts.keys().next().value : undefined;
    if (oldest !== undefined) this.#counts.delete(oldest);
  }
}

function nameOf(event: NodeEvent): string {
  const { about, reason, message, type } = event;
  const digest = createHash('sha256')
    .update(JSON.stringify([about.uid, about.fieldPath, type, reason, message]))
    .digest('hex');
  return `${about.name}.${digest.slice(0, 16)}`;
}

function eventObject(
  event: NodeEvent,
  facts: {
    readonly name: string;
    readonly namespace: string;
    readonly nodeName: string;
    readonly time: string;
  },
): Event {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: facts.name, namespace: facts.namespace },
    involvedObject: event.about,
    type: event.type,
    reason: event.reason,
    message: event.message.slice(0, 1024),
    source: { component: 'kubelet', host: facts.nodeName },
    reportingComponent: 'kubelet',
    reportingInstance: facts.nodeName,
    firstTimestamp: facts.time,
    lastTimestamp: facts.time,
    count: 1,
  };
}
