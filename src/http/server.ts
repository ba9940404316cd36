import { type IncomingHttpHeaders, type IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../access/authn/authenticator.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS, MIB } from '../lib/limits.ts';
import { ClientCertificates } from './client-certificate.ts';
import { drain } from './drain.ts';
import { Exchange, type Upgrade } from './exchange.ts';
import { applyFilters } from './filters/all.ts';
import { Reply } from './reply.ts';
import { createHandler } from './routes/dispatch.ts';
import type { Services } from './services.ts';
import { noSuchResource } from './status.ts';
import { Http2Incoming, Http2Outgoing, type Incoming, type Outgoing, sessionOf } from './wire.ts';

export interface TlsOptions {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** The authority whose client certificates are accepted; PEM. */
  readonly clientCa: string;
  /** The authority of front proxies, which say for whom they ask; PEM. */
  readonly proxyCa?: string;
}

export interface ApiServerOptions extends Services {
  readonly tls: TlsOptions;
  /** Milliseconds a client may take for its request headers; `LIMITS.requestHeaderMs` if left out. */
  readonly requestHeaderMs?: number;
}

/** The Kubernetes API over TLS on one port, as HTTP/2 and HTTP/1.1. */
export interface ApiServer {
  /** @throws when the address is taken. */
  listen(port: number, host: string): Promise<AddressInfo>;
  readonly address: AddressInfo | undefined;
  /**
   * Says that it is not ready any more, serves on for `delayMs` so that load balancers hear of it, then takes no more
   * connections, ends watches and streams, lets other requests finish for a while, and cuts what is left.
   */
  close(options?: { readonly delayMs?: number }): Promise<void>;
  /** Serves with a renewed certificate from the next connection on. */
  setTls(tls: TlsOptions): void;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const shutdown = { isUnderway: false };
  const services = { ...options, shutdown };
  const handle = applyFilters(services, requestHandler(services));
  const certificates = new ClientCertificates(options.tls.proxyCa);
  const open = new Set<Exchange>();
  const sockets = new Set<Duplex>();
  const http2Sessions = new Set<ServerHttp2Session>();
  const headerMs = options.requestHeaderMs ?? LIMITS.requestHeaderMs;
  const server = createSecureServer({
    ...SERVER_OPTIONS,
    ...tlsFields(options.tls),
    handshakeTimeout: headerMs,
    ...{ connectionsCheckingInterval: headerMs / 4 }, // Of HTTP/1.1: the type of HTTP/2's options lacks it.
  });
  // The types know only plain HTTP servers to have these; with allowHTTP1 this one has them too.
  Object.assign(server, {
    headersTimeout: headerMs,
    requestTimeout: LIMITS.requestMs,
    keepAliveTimeout: LIMITS.httpIdleMs,
    maxHeadersCount: LIMITS.httpHeaderPairs,
  });
  server.maxConnections = LIMITS.httpConnections;
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // A peer that resets its connection is no event; its requests are told by `close`.
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    http2Sessions.add(session);
    session.setTimeout(LIMITS.httpIdleMs, () => closeIfIdle(session, open));
    session.on('error', (error) => options.log.debug({ error: error.message }, 'connection failed'));
    session.once('close', () => http2Sessions.delete(session));
  });
  server.on('sessionError', () => {});
  const serve = (request: Incoming, response: Outgoing, upgrade?: Upgrade) => {
    const certificate = certificates.of(request);
    const exchange = exchangeOf({ request, response, upgrade, certificate });
    open.add(exchange);
    if (shutdown.isUnderway && request.httpVersionMajor === 1) exchange.reply.header('connection', 'close');
    response.once('close', () => {
      if (!response.writableEnded && upgrade === undefined)
        exchange.abort(new AmphoraError('Canceled', 'the client went away'));
    });
    // Every error was answered inside the filters; what is left here is a defect of ours.
    handle(exchange)
      .catch((error) => options.log.error({ id: exchange.id, error }, 'request failed'))
      .finally(() => open.delete(exchange));
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => serve(request, response));
  // Listening to `request` made Node answer HTTP/2's streams with its compatibility classes: they come to us instead.
  server.removeAllListeners('stream');
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...rest: unknown[]) => {
    stream.on('error', () => {}); // The exchange hears of it by `close`.
    const rawHeaders = rest[1] as readonly string[]; // After the flags; the types do not know them.
    const request = new Http2Incoming(stream, headers, rawHeaders);
    serve(request, new Http2Outgoing(request));
  });
  server.on('upgrade', (request: IncomingMessage, socket: TLSSocket, head: Buffer) => {
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    // An answer in place of an upgrade ends the connection.
    response.once('finish', () => socket.end());
    serve(request, response, upgradeOf(socket, { head, response }));
  });
  return {
    listen: async (port, host) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return server.address() as AddressInfo; // A TCP server that listens has one.
    },
    get address() {
      return (server.address() as AddressInfo | null) ?? undefined;
    },
    setTls: (tls) => server.setSecureContext(tlsFields(tls)),
    close: async ({ delayMs = 0 } = {}) => {
      shutdown.isUnderway = true;
      if (delayMs > 0) await setTimeout(delayMs);
      await drain({ server, open, sockets, http2Sessions });
    },
  };
}

const SERVER_OPTIONS = {
  allowHTTP1: true,
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2',
  maxHeaderSize: LIMITS.httpHeaderBytes,
  maxHeaderListPairs: LIMITS.httpHeaderPairs,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  // A connection over its sum has new requests refused: each has bounds of its own, and the sum is not to bind first.
  maxSessionMemory: LIMITS.httpConnectionBytes / MIB,
  settings: {
    maxConcurrentStreams: LIMITS.httpStreamsPerConnection,
    maxHeaderListSize: LIMITS.httpHeaderBytes,
    enablePush: false,
  },
  streamResetBurst: 500,
  streamResetRate: 50,
} as const;

function tlsFields(tls: TlsOptions) {
  const { certificate, key, clientCa, proxyCa } = tls;
  const ca = proxyCa === undefined ? clientCa : [clientCa, proxyCa];
  // The default, named: Node.js looks it up anew, at length, for who does not name it.
  return { cert: certificate, key, ca, ecdhCurve: 'auto' };
}

function requestHandler(services: Services): (exchange: Exchange) => Promise<void> {
  const handler = createHandler(services);
  return async (exchange) => {
    if (exchange.route === undefined) throw noSuchResource();
    sendWarningsWithHeaders(exchange);
    await handler(exchange, exchange.route);
  };
}

/** Warnings are found until the answer begins, so the header is read from the list at that moment. */
function sendWarningsWithHeaders(exchange: Exchange): void {
  exchange.reply.onBegin(() => {
    const { warnings } = exchange;
    if (warnings.length === 0) return;
    const quoted = warnings.map(
      (text) => `299 - "${text.replace(/[^\x20-\x7e]/g, ' ').replace(/["\\]/g, '\\$&')}"`,
    );
    exchange.reply.header('warning', quoted);
  });
}

function exchangeOf(parts: {
  readonly request: Incoming;
  readonly response: Outgoing;
  readonly upgrade: Upgrade | undefined;
  readonly certificate: ClientCertificate | undefined;
}): Exchange {
  const { request, response, upgrade, certificate } = parts;
  return new Exchange({
    request,
    reply: new Reply(response, request.headers['accept-encoding']?.toString()),
    certificate,
    upgrade,
  });
}

function upgradeOf(socket: TLSSocket, options: { head: Buffer; response: ServerResponse }): Upgrade {
  const { head, response } = options;
  return {
    socket,
    head,
    take: () => {
      response.detachSocket(socket);
      socket.setTimeout(0);
      socket.setNoDelay(true);
      if (head.length > 0) socket.unshift(head);
      return socket;
    },
  };
}

function closeIfIdle(session: ServerHttp2Session, open: ReadonlySet<Exchange>): void {
  for (const { request } of open) if (sessionOf(request) === session) return;
  session.destroy(); // Answers that its client never read go with it.
}
