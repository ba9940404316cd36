import type { ObjectMeta } from '../../api/kind.ts';
import { listAndWatch, type Sink } from '../../client/list-watch.ts';
import { eachLimited } from '../../lib/each-limited.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { type Expiring, ExpiryQueue, lastWritten } from './queue.ts';

const EVENTS = { apiVersion: 'v1', resource: 'events' };

interface Metadata {
  readonly metadata: ObjectMeta;
}

/**
 * Deletes events an hour after they were last written, as upstream's store does by their lease. It follows their
 * metadata and looks at the head of a queue; nothing is ever searched.
 */
export function eventExpiryController(parts: ControllerParts): Controller {
  const queue = new ExpiryQueue();
  return {
    name: 'event-expiry',
    sources: [],
    reconcile: async () => undefined,
    run: async (signal) => {
      await Promise.all([follow(parts, queue, signal), expire(parts, queue, signal)]);
    },
  };
}

async function follow(
  { client, clock, log }: ControllerParts,
  queue: ExpiryQueue,
  signal: AbortSignal,
): Promise<void> {
  let listed: ObjectMeta[] = [];
  const sink: Sink<Metadata> = {
    begin: () => {
      listed = [];
    },
    listed: (events) => {
      for (const { metadata } of events) listed.push(slim(metadata));
    },
    end: () => {
      queue.clear();
      const dues = listed.map((metadata) => ({ metadata, due: lastWritten(metadata) + LIMITS.eventLifeMs }));
      for (const { metadata, due } of dues.sort((a, b) => a.due - b.due)) queue.add(metadata, due);
      listed = [];
    },
    set: ({ metadata }) => queue.add(metadata, clock.now() + LIMITS.eventLifeMs),
    delete: ({ metadata }) => queue.delete(metadata),
  };
  await listAndWatch<Metadata>(client, EVENTS, { clock, log, metadataOnly: true, sink, signal });
}

/** What is needed of many until all are sorted. */
function slim(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace = '', uid = '', resourceVersion = '' } = metadata;
  const creationTimestamp = new Date(lastWritten(metadata)).toISOString();
  return { name, namespace, uid, resourceVersion, creationTimestamp };
}

async function expire(parts: ControllerParts, queue: ExpiryQueue, signal: AbortSignal): Promise<void> {
  const { clock, log } = parts;
  while (!signal.aborted) {
    await clock.sleep(LIMITS.eventExpiryCheckMs, signal).catch(() => {}); // Aborted: the loop sees it.
    if (signal.aborted) return;
    const due = queue.take(clock.now());
    await eachLimited(due, LIMITS.garbageWorkers, (event) => remove(parts, event, signal)).catch((error) => {
      if (!signal.aborted) log.warn({ err: AmphoraError.from(error) }, 'events could not be expired');
    });
  }
}

async function remove({ client }: ControllerParts, event: Expiring, signal: AbortSignal): Promise<void> {
  const { namespace, name, uid, resourceVersion } = event;
  const body = { preconditions: { uid, resourceVersion } };
  await client.delete({ ...EVENTS, namespace, name }, body, { signal }).catch((error) => {
    // Gone already, or written meanwhile: then it is in the queue again.
    if (!isCode(error, 'NotFound', 'Conflict')) throw error;
  });
}
