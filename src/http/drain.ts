import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Exchange } from './exchange.ts';

/** What a server that is closing has to see to its end. */
export interface Connections {
  readonly server: Http2SecureServer;
  readonly open: ReadonlySet<Exchange>;
  readonly sockets: ReadonlySet<Duplex>;
  readonly http2Sessions: ReadonlySet<ServerHttp2Session>;
}

const LOOK_MS = 5;

/**
 * Takes no new connection and tells clients to open no new request on those there are; ends watches and streams, as
 * if their time were up; lets requests finish for a while; then cuts what is left.
 */
export async function drain({ server, open, sockets, http2Sessions }: Connections): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of http2Sessions) session.close(); // GOAWAY: what runs goes on.
  const endStreams = () => {
    for (const exchange of open)
      if (exchange.isLong) exchange.abort(new AmphoraError('Unavailable', 'the server is shutting down'));
  };
  const deadline = performance.now() + LIMITS.drainMs;
  do {
    endStreams(); // Again and again: a request on its way may become a watch yet.
    await setTimeout(LOOK_MS);
  } while (open.size > 0 && performance.now() < deadline);
  // What was written may still be on its way to the socket.
  const written = performance.now() + LIMITS.drainMs / 5;
  while (http2Sessions.size > 0 && performance.now() < written) await setTimeout(LOOK_MS);
  for (const session of http2Sessions) session.destroy();
  for (const socket of sockets) socket.destroy();
  await closed;
}
