import { setImmediate } from 'node:timers/promises';
import type { Kind } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { CollectionTarget, WatchEvent, WatchOptions } from '../../registry/registry.ts';
import type { Exchange } from '../exchange.ts';
import type { Format } from '../negotiate/accept.ts';
import { partialOf, tableOfObjects } from '../negotiate/shapes.ts';
import type { Services } from '../services.ts';
import { type Status, toStatus } from '../status.ts';
import { formatOf, include } from './answer.ts';
import { bookmarkObject } from './bookmark.ts';
import { contextOf, integerOption } from './context.ts';
import { watchOptionsOf } from './list-options.ts';
import { protobufWire } from './watch-protobuf.ts';

const NEWLINE = 0x0a;

/**
 * Encoded events, kept as long as the stored bytes they were made from: many watchers, one encoding.
 * The registry gives every watcher of one version the same buffer.
 */
export type EventCache = WeakMap<Buffer, Map<string, Buffer>>;

/** A stream of events, one JSON value a line, until `timeoutSeconds` pass or the client goes away. */
export async function answerWatch(
  services: Services,
  exchange: Exchange,
  options: {
    target: CollectionTarget;
    /** Of one object, where it is not empty. */
    name: string;
    cache: EventCache;
  },
): Promise<void> {
  const { kind } = options.target;
  const format = formatOf(services, exchange);
  const asked = watchOptionsOf(exchange.query);
  const query = options.name === '' ? asked : ofName(asked, options.name);
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), lifetimeMs(exchange));
  const signal = AbortSignal.any([exchange.signal, ended.signal]);
  const wire = wireOf(services, exchange, { kind, format, cache: options.cache });
  const { encode } = wire;
  const { reply } = exchange;
  const offer = (event: WatchEvent): boolean => {
    if (reply.status === 0 || !reply.hasRoom) return false;
    reply.offer(encode(event));
    return true;
  };
  const context = { ...contextOf(exchange), signal };
  const events = services.registry.watch(context, options.target, { ...query, offer });
  try {
    await send(exchange, events, { ...wire, signal });
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

function ofName(options: WatchOptions, name: string): WatchOptions {
  const fields = [options.fieldSelector, `metadata.name=${name}`].filter((one) => one !== undefined);
  return { ...options, fieldSelector: fields.join(',') };
}

async function send(
  exchange: Exchange,
  events: AsyncIterable<WatchEvent>,
  options: Wire & { readonly signal: AbortSignal },
): Promise<void> {
  const { reply } = exchange;
  const iterator = events[Symbol.asyncIterator]();
  const first = iterator.next();
  // What is wrong from the start (a selector that is not one) is an answer, not an event in the stream.
  await Promise.race([first, setImmediate()]);
  reply.begin(200, options.contentType);
  reply.flushHeaders();
  try {
    for (let result = await first; result.done !== true; result = await iterator.next())
      await reply.write(options.encode(result.value));
  } catch (error) {
    if (!options.signal.aborted) await reply.write(options.fault(toStatus(error)));
  } finally {
    await iterator.return?.();
  }
  await reply.end();
}

function lifetimeMs({ query }: Exchange): number {
  const asked = integerOption(query, 'timeoutSeconds');
  if (asked !== undefined && asked > 0) return Math.min(asked * 1000, 24 * 3_600_000);
  return LIMITS.watchMs * (1 + Math.random());
}

/** How events go out. */
interface Wire {
  readonly contentType: string;
  encode(event: WatchEvent): Buffer;
  fault(status: Status): Buffer;
}

/** @throws NotAcceptable */
function wireOf(
  services: Services,
  exchange: Exchange,
  options: { kind: Kind; format: Format; cache: EventCache },
): Wire {
  const { encoding } = options.format;
  const { protobuf } = services;
  if (encoding === 'json')
    return {
      contentType: 'application/json',
      encode: encoderOf(services, exchange, options),
      fault: (status) => Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
    };
  if (encoding === 'protobuf' && protobuf !== undefined && options.kind.custom === undefined)
    return protobufWire(protobuf, options.kind);
  throw new AmphoraError(
    'NotAcceptable',
    'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
  );
}

function encoderOf(
  services: Services,
  exchange: Exchange,
  options: { kind: Kind; format: Format; cache: EventCache },
): (event: WatchEvent) => Buffer {
  const { kind, format, cache } = options;
  if (format.shape === 'object')
    return (event) => (event.type === 'BOOKMARK' ? bookmark(kind, event, 'object') : cached(cache, event));
  let isFirst = true;
  return (event) => {
    if (event.type === 'BOOKMARK') return bookmark(kind, event, format.shape);
    const object =
      format.shape === 'partial'
        ? partialOf(event.object.metadata())
        : tableOfObjects({
            kind,
            objects: [event.object],
            meta: { resourceVersion: String(event.object.revision) },
            tableOf: services.tableOf,
            includeObject: include(exchange),
          });
    // The columns do not change while a watch lasts: only its first table has them.
    if (format.shape === 'table' && !isFirst) Object.assign(object, { columnDefinitions: null });
    isFirst = false;
    return Buffer.from(`${JSON.stringify({ type: event.type, object })}\n`);
  };
}

function cached(cache: EventCache, event: Exclude<WatchEvent, { type: 'BOOKMARK' }>): Buffer {
  const { json } = event.object;
  let byType = cache.get(json);
  if (byType === undefined) {
    byType = new Map();
    cache.set(json, byType);
  }
  const found = byType.get(event.type);
  if (found !== undefined) return found;
  const made = Buffer.concat([
    Buffer.from(`{"type":"${event.type}","object":`),
    json,
    Buffer.of(0x7d, NEWLINE),
  ]);
  byType.set(event.type, made);
  return made;
}

function bookmark(
  kind: Kind,
  event: Extract<WatchEvent, { type: 'BOOKMARK' }>,
  shape: Format['shape'],
): Buffer {
  const object = bookmarkObject(kind, event, {
    shape,
    encode: (list) => Buffer.from(`${JSON.stringify(list)}\n`),
  });
  return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
}
