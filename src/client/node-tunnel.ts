import type { IncomingMessage } from 'node:http';
import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';

const PROTOCOL = 'amphora-tunnel/1';
const BACK_OFF_MS = [SECOND_MS / 4, SECOND_MS, 2 * SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS];

/** One request that the server made to this node. */
export interface TunnelCall {
  /** The parameters, as sent: to be checked by the handler. */
  readonly request: unknown;
  /** Aborts when the server resets the stream or the tunnel ends. */
  readonly signal: AbortSignal;
  /** Answers 200: what is written goes to the server, what is read comes from it. End it when done. */
  accept(): Duplex;
}

/** What is thrown before `accept` becomes a `Status`; after it, the stream is reset. */
export type TunnelHandler = (call: TunnelCall) => Promise<void>;

export interface TunnelOptions {
  /** `https://host:port` */
  readonly server: string;
  /** PEM; asked for at each dial, so that renewed certificates are used. */
  readonly tls: () => { readonly ca: string; readonly certificate: string; readonly key: string };
  readonly nodeName: string;
  /** By path: `/v1/exec`, … */
  readonly handlers: Readonly<Record<string, TunnelHandler>>;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Milliseconds without one of the server's pings after which it is taken to be gone. */
  readonly silenceMs?: number;
}

/** Keeps a tunnel to the server open, dialing again with back-off, until the signal aborts. docs/designs/node-tunnel.md */
export async function serveTunnel(options: TunnelOptions): Promise<void> {
  const { signal, log, clock = systemClock } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const socket = await dial(options);
      failures = 0;
      log.info({ server: options.server }, 'tunnel opened');
      await serve(socket, options);
      log.info({ server: options.server }, 'tunnel closed');
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ server: options.server, error: AmphoraError.from(error).message }, 'tunnel failed');
    }
    const wait = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)] ?? SECOND_MS;
    failures += 1;
    await clock.sleep(wait, signal).catch(() => {}); // An abort ends the loop above.
  }
}

function dial({ server, tls, nodeName, signal }: TunnelOptions): Promise<Socket> {
  const { ca, certificate, key } = tls();
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server}/apis/amphora.dev/v1/nodes/${encodeURIComponent(nodeName)}/tunnel`, {
      ca,
      cert: certificate,
      key,
      agent: false,
      timeout: LIMITS.tunnelAnswerMs,
      signal,
      headers: { connection: 'Upgrade', upgrade: PROTOCOL },
    });
    outgoing.once('upgrade', (_response: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.setTimeout(0);
      socket.on('error', () => {}); // Its close is what counts.
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once('response', (response) => {
      response.destroy();
      reject(
        new AmphoraError(
          'Unavailable',
          `the server answered the tunnel's request with ${response.statusCode}`,
        ),
      );
    });
    outgoing.once('timeout', () =>
      outgoing.destroy(new AmphoraError('Timeout', 'the server did not answer')),
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}

/** Answers on the socket until it closes. */
async function serve(socket: Socket, options: TunnelOptions): Promise<void> {
  // Not a server's `connection` event: that would look at the protocol TLS agreed on, which was HTTP/1.1.
  const session = performServerHandshake(socket, {
    settings: { maxConcurrentStreams: LIMITS.tunnelStreams, enablePush: false },
    maxSessionMemory: 64,
  });
  session.on('stream', (stream, headers) => answer(stream, { headers, handlers: options.handlers }));
  session.on('error', () => {}); // The close below says the same.
  // A session's own timeout does not count pings, and would end a tunnel on which only they go to and fro.
  const silence = setTimeout(() => session.destroy(), options.silenceMs ?? 4 * LIMITS.tunnelPingMs);
  session.on('ping', () => silence.refresh());
  const close = () => {
    session.destroy();
    socket.destroy();
  };
  options.signal.addEventListener('abort', close, { once: true });
  try {
    await new Promise<void>((resolve) => {
      session.once('close', resolve);
      socket.once('close', resolve);
    });
  } finally {
    clearTimeout(silence);
    options.signal.removeEventListener('abort', close);
    close();
  }
}

function answer(
  stream: ServerHttp2Stream,
  { headers, handlers }: { headers: IncomingHttpHeaders; handlers: TunnelOptions['handlers'] },
): void {
  const gone = new AbortController();
  stream.on('error', () => gone.abort());
  stream.once('close', () => gone.abort());
  let isAccepted = false;
  const accept = () => {
    isAccepted = true;
    stream.respond({ ':status': 200 });
    return stream;
  };
  callHandler({ headers, handlers, signal: gone.signal, accept }).catch((error) => {
    if (stream.destroyed) return;
    if (isAccepted)
      stream.close(2); // INTERNAL_ERROR, RFC 9113 section 7
    else refuse(stream, AmphoraError.from(error));
  });
}

async function callHandler(call: {
  headers: IncomingHttpHeaders;
  handlers: TunnelOptions['handlers'];
  signal: AbortSignal;
  accept: () => Duplex;
}): Promise<void> {
  const { headers, handlers, signal, accept } = call;
  const path = headers[':path'] ?? '';
  const handler = Object.hasOwn(handlers, path) ? handlers[path] : undefined;
  if (handler === undefined || headers[':method'] !== 'POST')
    throw new AmphoraError('NotFound', `this node answers no ${headers[':method']} ${path}`);
  const text = headers['amphora-request'];
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof text === 'string' ? text : '{}');
  } catch (error) {
    throw new AmphoraError('BadRequest', 'the amphora-request header is not JSON', { cause: error });
  }
  await handler({ request: parsed, signal, accept });
}

function refuse(stream: ServerHttp2Stream, error: AmphoraError): void {
  const { status: code, reason, message } = error;
  stream.respond({ ':status': code, 'content-type': 'application/json' });
  stream.end(
    JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      code,
    }),
  );
}
