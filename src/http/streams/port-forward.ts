import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createWebSocketStream, type WebSocket } from 'ws';
import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed } from '../status.ts';
import type { StreamHandler } from './all.ts';
import { type PodTarget, podTarget } from './pod-target.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';
import { acceptSpdy, isSpdy } from './spdy-channels.ts';
import { acceptWebSocket, isWebSocket, sendMessage } from './websocket.ts';

const SPDY_PROTOCOL = 'portforward.k8s.io';
/** SPDY inside a WebSocket, byte for byte: what kubectl uses since 1.31. */
const TUNNELED = 'SPDY/3.1+portforward.k8s.io';
const CHANNELED = 'v4.channel.k8s.io';

type Dial = (port: number) => Promise<Duplex>;

export const portForward: StreamHandler = async (services, exchange, route) => {
  if (exchange.method !== 'GET' && exchange.method !== 'POST') throw methodNotAllowed();
  if (!isWebSocket(exchange) && !isSpdy(exchange))
    throw new AmphoraError('BadRequest', 'Upgrade request required');
  const { target } = await podTarget(services, exchange, route);
  const dial = dialer(services, exchange, target);
  if (isSpdy(exchange)) return overSpdy(acceptSpdy(exchange, [SPDY_PROTOCOL]), dial);
  const client = await acceptWebSocket(exchange, [TUNNELED, CHANNELED]);
  if (client.protocol === TUNNELED) return overSpdy(createWebSocketStream(client), dial);
  return overChannels(client, { ports: portsOf(exchange.query), dial });
};

function dialer(services: Services, exchange: Exchange, { node, ...pod }: PodTarget): Dial {
  return (port) =>
    services.nodes.open(node, '/v1/port-forward', { request: { ...pod, port }, signal: exchange.signal });
}

/** Each TCP connection is two streams with one `requestID`: `error` first, then `data`. */
async function overSpdy(transport: Duplex, dial: Dial): Promise<void> {
  const waiting = new Map<string, SpdyStream>();
  const session = new SpdySession(transport, (stream) => {
    const { streamtype, requestid = '', port = '' } = stream.headers;
    const other = waiting.get(requestid);
    if (streamtype === 'error' && other === undefined) {
      waiting.set(requestid, stream);
      stream.once('close', () => waiting.delete(requestid));
    } else if (streamtype === 'data' && other !== undefined) {
      waiting.delete(requestid);
      void connect(dial, { port, data: stream, error: other }); // Tells its failures on the error stream.
    } else stream.destroy();
  });
  await session.run().catch(() => {}); // A client that breaks the protocol is a client that has gone.
}

async function connect(
  dial: Dial,
  streams: { port: string; data: SpdyStream; error: SpdyStream },
): Promise<void> {
  const { port, data, error } = streams;
  error.resume();
  try {
    await join(data, await dial(checkedPort(port)));
    error.end();
  } catch (failure) {
    error.end(`error forwarding port ${port} to pod: ${AmphoraError.from(failure).message}`);
    data.end();
    data.resume();
  }
}

/**
 * Ends when the pod has said all it has to say. A client that takes its side back is no failure: kubectl resets
 * its stream after the pod's end, and takes any word on the error stream for the loss of the whole connection.
 */
async function join(client: Duplex, node: Duplex): Promise<void> {
  let hasClientLeft = false;
  node.on('error', () => {}); // The pipeline below tells it.
  client.once('close', () => {
    hasClientLeft = !node.destroyed;
    node.destroy();
  });
  client.pipe(node);
  try {
    await pipeline(node, client);
  } catch (error) {
    if (!hasClientLeft) throw error;
  } finally {
    client.unpipe(node);
    client.resume();
    node.destroy();
  }
}

/** Port n of the query has channels 2n for data and 2n+1 for errors; each begins with the port, little endian. */
async function overChannels(
  client: WebSocket,
  { ports, dial }: { ports: readonly number[]; dial: Dial },
): Promise<void> {
  const data = ports.map((port, index) => channelStream(client, { port, index, dial }));
  client.on('message', (message: Buffer) => {
    const channel = message.length > 0 ? message.readUInt8(0) : 1;
    if (channel % 2 !== 0) return;
    const stream = data[channel / 2];
    if (stream?.push(message.subarray(1)) === false) client.pause();
  });
  await new Promise<void>((resolve) => client.once('close', () => resolve()));
  for (const stream of data) stream.destroy();
}

function channelStream(client: WebSocket, options: { port: number; index: number; dial: Dial }): Duplex {
  const { port, index, dial } = options;
  const say = (channel: number, payload: Buffer) =>
    sendMessage(client, Buffer.concat([Buffer.of(channel), payload]));
  const stream = new Duplex({
    read: () => client.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      say(2 * index, chunk).then(() => done(), done);
    },
  });
  stream.on('error', () => {}); // Told on the error channel.
  const hello = Buffer.alloc(2);
  hello.writeUInt16LE(port);
  const start = async () => {
    await say(2 * index, hello);
    await say(2 * index + 1, hello);
    await join(stream, await dial(port));
  };
  start()
    .catch((error) => say(2 * index + 1, Buffer.from(AmphoraError.from(error).message)).catch(() => {}))
    .finally(() => client.close());
  return stream;
}

function portsOf(query: URLSearchParams): number[] {
  const ports = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .map(checkedPort);
  if (ports.length === 0 || ports.length > 64)
    throw new AmphoraError('BadRequest', 'query parameter "ports" is required: between 1 and 64 of them');
  return ports;
}

function checkedPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new AmphoraError('BadRequest', `port ${JSON.stringify(text)} must be a number between 1 and 65535`);
}
