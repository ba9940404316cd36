import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { type Duplex, pipeline, type Readable } from 'node:stream';
import { pipeline as pipelined } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { readChunks } from '../../lib/read-chunks.ts';
import type { Exchange } from '../exchange.ts';
import { bodyOf } from '../wire.ts';
import { answerHeaders } from './headers.ts';
import { rewriteLinks } from './html-links.ts';

/** Where a request is passed on to. */
export interface Destination {
  readonly isSecure: boolean;
  /** Address, agent or connection, and what TLS needs. */
  readonly connection: RequestOptions;
  /** With the query. */
  readonly path: string;
  /** All of them but those of the connection itself; with `host`. */
  readonly headers: OutgoingHttpHeaders;
  /** What the client is told when it is sent elsewhere; as it is if left out. */
  readonly rewrite?: (location: string) => string;
}

type Answer =
  | { readonly response: IncomingMessage }
  | { readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

/**
 * Passes a request on and its answer back, both as they come: nothing is held. A change of protocols becomes two
 * connections joined.
 * @throws Unavailable when no answer is to be had
 */
export async function relay(exchange: Exchange, to: Destination): Promise<void> {
  const { outgoing, answer } = await send(exchange, to);
  if ('socket' in answer) return joinUpgraded(exchange, answer);
  try {
    await sendBack(exchange, answer.response, to.rewrite);
  } finally {
    outgoing.destroy();
  }
}

/** Again on another connection when a kept one turns out to be closed and nothing of the request is used up. */
async function send(
  exchange: Exchange,
  to: Destination,
): Promise<{ outgoing: ClientRequest; answer: Answer }> {
  const { signal } = exchange;
  for (;;) {
    const outgoing = (to.isSecure ? httpsRequest : httpRequest)({
      ...to.connection,
      method: exchange.method,
      path: to.path,
      headers: { ...to.headers, ...framing(exchange) },
      signal,
    });
    const answered = answerTo(outgoing);
    sendBody(exchange, outgoing);
    try {
      return { outgoing, answer: await answered };
    } catch (error) {
      if (signal.aborted) throw AmphoraError.from(signal.reason);
      if (outgoing.reusedSocket && !hasBody(exchange)) continue;
      const why = error instanceof Error ? error.message : String(error);
      throw new AmphoraError('Unavailable', `error trying to reach service: ${why}`, { cause: error });
    }
  }
}

function answerTo(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (response) => resolve({ response }));
    outgoing.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
    outgoing.on('error', reject);
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = setTimeout(() => outgoing.destroy(new Error('i/o timeout')), LIMITS.relayConnectMs);
      socket.once('close', () => clearTimeout(late));
      socket.once('connect', () => clearTimeout(late));
    });
    outgoing.setTimeout(LIMITS.streamIdleMs, () => outgoing.destroy(new Error('nothing came for too long')));
  });
}

/** How the body is delimited, or that another protocol is asked for. */
function framing(exchange: Exchange): OutgoingHttpHeaders {
  const { headers } = exchange;
  if (exchange.upgrade !== undefined) return { connection: 'Upgrade', upgrade: headers.upgrade };
  return hasBody(exchange) && headers['content-length'] === undefined
    ? { 'transfer-encoding': 'chunked' }
    : {};
}

function hasBody({ request, headers }: Exchange): boolean {
  if ('stream' in request) return request.stream.endAfterHeaders === false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function sendBody(exchange: Exchange, outgoing: ClientRequest): void {
  if (exchange.upgrade === undefined && hasBody(exchange))
    // Who answers before it has the whole body stops reading; its answer says why.
    pipelined(bodyOf(exchange.request), outgoing).catch(() => {});
  else outgoing.end();
}

async function sendBack(
  { reply }: Exchange,
  response: IncomingMessage,
  rewrite: Destination['rewrite'],
): Promise<void> {
  for (const [name, value] of answerHeaders(response.headers)) reply.header(name, value);
  const links = rewrite === undefined ? undefined : withLinks(response, rewrite);
  if (links !== undefined) reply.removeHeader('content-length');
  const { location } = response.headers;
  if (location !== undefined && rewrite !== undefined) reply.header('location', rewrite(location));
  reply.begin(response.statusCode ?? 502);
  reply.flushHeaders();
  for await (const chunk of readChunks(links ?? response)) await reply.write(chunk);
  await reply.end();
}

/** A page whose links are made to lead back here; undefined for what is no page, or is encoded in another way. */
function withLinks(response: IncomingMessage, rewrite: (url: string) => string): Readable | undefined {
  const { 'content-type': type = '', 'content-encoding': encoding = '' } = response.headers;
  if (!/^text\/html\b/i.test(type) || (encoding !== '' && encoding !== 'gzip')) return undefined;
  const links = rewriteLinks(rewrite);
  const chain = encoding === '' ? [links] : [createGunzip(), links, createGzip()];
  // What breaks one of them breaks the last, which is read.
  return chain.reduce<Readable>((from, to) => pipeline(from, to, () => {}), response);
}

async function joinUpgraded(
  exchange: Exchange,
  { response, socket, head }: Extract<Answer, { socket: Duplex }>,
): Promise<void> {
  const client = exchange.upgrade?.take();
  if (client === undefined) {
    socket.destroy();
    throw new AmphoraError('Internal', 'the other side changed protocols without being asked');
  }
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (const [name, value] of [...answerHeaders(response.headers), ['audit-id', exchange.id] as const])
    for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  lines.push('connection: Upgrade', `upgrade: ${response.headers.upgrade ?? ''}`, '', '');
  client.write(lines.join('\r\n'));
  if (head.length > 0) socket.unshift(head);
  await joined(client, socket, exchange.signal);
}

/** Until both sides have closed: an end is passed on, and one that has closed has the other closed soon after. */
async function joined(client: Duplex, far: Duplex, signal: AbortSignal): Promise<void> {
  const cut = () => {
    client.destroy();
    far.destroy();
  };
  const late = new AbortController();
  signal.addEventListener('abort', cut, { once: true, signal: late.signal });
  const closed = [client, far].map((stream) => new Promise<void>((resolve) => stream.once('close', resolve)));
  for (const stream of [client, far]) stream.on('error', () => {}); // It closes then.
  client.pipe(far).pipe(client);
  await Promise.race(closed);
  const timer = setTimeout(cut, client.readableAborted || far.readableAborted ? 0 : LIMITS.drainMs);
  await Promise.all(closed);
  clearTimeout(timer);
  late.abort();
}
