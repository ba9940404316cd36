import { createHash } from 'node:crypto';
import type { Event, ObjectReference } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { type Clock, toTime } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { EventSpool, type SpooledEvent } from './event-spool.ts';

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
  /** Holds the events that were not written yet. */
  readonly directory: string;
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
 * Writes events one after another, waiting where the API is away; a killed agent goes on with what it had not
 * written. The same event told again raises a count instead of making an object, also across restarts of the
 * agent, because an event's name follows from what it says.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #spool: EventSpool;
  readonly #counts = new Map<string, number>();
  #queued = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#spool = new EventSpool(options.directory);
  }

  /** Tells what an agent before this one had no time to tell. */
  async resume(): Promise<void> {
    for (const spooled of await this.#spool.load()) this.#enqueue(spooled);
  }

  /** Resolves to whether the event is safe: it will be written, by this agent or the next. Dropped when too many wait. */
  async record(event: NodeEvent): Promise<boolean> {
    const { log, clock } = this.#options;
    if (this.#queued >= LIMITS.eventQueue) {
      log.warn({ reason: event.reason, about: event.about.name }, 'event dropped: too many waiting');
      return false;
    }
    const kept = this.#spool.put(event, clock.now());
    this.#enqueue(kept);
    return await kept.then(
      () => true,
      () => false,
    );
  }

  #enqueue(spooled: SpooledEvent | Promise<SpooledEvent>): void {
    this.#queued += 1;
    const written = this.#tail.then(async () => await this.#write(await spooled));
    this.#tail = written
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'event not kept'))
      .finally(() => {
        this.#queued -= 1;
      });
  }

  async #write(spooled: SpooledEvent): Promise<void> {
    const { clock, log, signal } = this.#options;
    const { event, at } = spooled;
    for (let wait: number = LIMITS.eventRetryMs; !signal.aborted; ) {
      try {
        await this.#createOrCount(event, at);
        break;
      } catch (error) {
        const about = { err: error, reason: event.reason, about: event.about.name };
        if (signal.aborted) return;
        if (AmphoraError.from(error).fate !== 'transient') {
          log.warn(about, 'event not written');
          break;
        }
        log.warn(about, 'event not written; trying again');
        await clock.sleep(wait, signal).catch(() => {});
        wait = Math.min(wait * 2, LIMITS.eventRetryMaxMs);
      }
    }
    if (!signal.aborted) await this.#spool.remove(spooled);
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
