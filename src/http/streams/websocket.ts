import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, type Frame } from '../../lib/frames.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import type { ClientChannels } from './client-channels.ts';

/** Messages read from the client that wait for the node. */
const MAX_WAITING = 64;
const MAX_MESSAGE_BYTES = 1024 * 1024;
const NORMAL_CLOSURE = 1000;

export function isWebSocket(exchange: Exchange): boolean {
  return exchange.upgrade !== undefined && exchange.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Accepts with the first of `protocols`, in our order, that the client offers. @throws BadRequest when there is none. */
export async function acceptWebSocket(exchange: Exchange, protocols: readonly string[]): Promise<WebSocket> {
  const { upgrade } = exchange;
  const offered = (exchange.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const chosen = protocols.find((protocol) => offered.includes(protocol));
  if (upgrade === undefined || chosen === undefined)
    throw new AmphoraError(
      'BadRequest',
      `none of the WebSocket protocols offered is served: use ${protocols.join(', ')}`,
    );
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => chosen,
  });
  // An upgrade comes only over HTTP/1.1, whose requests are of this class.
  const request = exchange.request as IncomingMessage;
  const socket = upgrade.take();
  return new Promise((resolve, reject) => {
    const gone = () => reject(new AmphoraError('Canceled', 'the WebSocket handshake failed'));
    socket.once('close', gone);
    server.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
      socket.off('close', gone);
      client.on('error', () => {}); // It closes then, and that is what counts.
      resolve(client);
    });
  });
}

/** Binary messages with the channel as their first byte. */
export function webSocketChannels(client: WebSocket): ClientChannels {
  const version = Number(/^v(\d)\./.exec(client.protocol)?.[1] ?? 1);
  const queue: Frame[] = [];
  let wake = () => {};
  client.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary && version >= 4) return client.close(1003, 'binary messages only');
    if (data.length > 0) queue.push({ channel: data.readUInt8(0), payload: data.subarray(1) });
    if (queue.length >= MAX_WAITING) client.pause();
    wake();
    return undefined;
  });
  client.once('close', () => wake());
  return {
    frames: async function* () {
      for (;;) {
        const frame = queue.shift();
        if (frame !== undefined) {
          if (client.isPaused) client.resume();
          yield frame;
        } else if (client.readyState !== client.OPEN) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
    send: ({ channel, payload }) => {
      const message = channel === CHANNEL.status && version < 4 ? plainStatus(payload) : payload;
      if (message === undefined) return Promise.resolve();
      return sendMessage(client, Buffer.concat([Buffer.of(channel), message]));
    },
    close: () => {
      client.close(NORMAL_CLOSURE);
      setTimeout(() => client.terminate(), LIMITS.drainMs).unref();
    },
  };
}

export function sendMessage(client: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.send(message, (error) => {
      if (error == null) resolve();
      else reject(new AmphoraError('Canceled', 'the client went away', { cause: error }));
    });
  });
}

/** Before v4 the error channel carried a message for people, and nothing for success. */
function plainStatus(payload: Buffer): Buffer | undefined {
  const status = JSON.parse(payload.toString('utf8')) as { status?: string; message?: string };
  return status.status === 'Success' ? undefined : Buffer.from(status.message ?? 'failed');
}
