import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { AmphoraError, ERRORS, type ErrorCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { readChunks } from '../../lib/read-chunks.ts';

/** The connections that nodes keep open to this server, by node name: docs/designs/node-tunnel.md. */
export interface NodeTunnels {
  /** Takes an upgraded socket on which the node is now an HTTP/2 server. Replaces the node's older tunnel. */
  accept(node: string, socket: Duplex): void;
  /**
   * Sends a request and resolves with its stream once the node has answered 200: what is written goes to the
   * node, what is read comes from it. @throws Unavailable when the node has no tunnel; what the node's `Status` says.
   */
  open(node: string, path: string, options: OpenOptions): Promise<Duplex>;
  connected(): readonly string[];
  close(): void;
}

export interface OpenOptions {
  /** The parameters, sent as JSON. */
  readonly request: unknown;
  readonly signal: AbortSignal;
  /** Another server asks: only a tunnel to this very one will do. */
  readonly isRelayed?: boolean;
}

export function createNodeTunnels(options: { log: Logger; pingMs?: number }): NodeTunnels {
  const { log, pingMs = LIMITS.tunnelPingMs } = options;
  const sessions = new Map<string, ClientHttp2Session>();
  return {
    accept: (node, socket) => {
      const session = connect('http://node', {
        createConnection: () => socket,
        maxSessionMemory: 64,
        settings: { enablePush: false },
      });
      sessions.get(node)?.destroy();
      sessions.set(node, session);
      log.info({ node }, 'node tunnel opened');
      const ping = keepAlive(session, pingMs);
      session.on('error', (error) => log.warn({ node, error: error.message }, 'node tunnel failed'));
      session.on('close', () => {
        clearInterval(ping);
        socket.destroy();
        if (sessions.get(node) !== session) return;
        sessions.delete(node);
        log.info({ node }, 'node tunnel closed');
      });
    },
    open: (node, path, { request, signal }) => {
      const session = sessions.get(node);
      if (session === undefined || session.closed || session.destroyed)
        return Promise.reject(
          new AmphoraError(
            'Unavailable',
            `node ${JSON.stringify(node)} is not connected: see that its agent runs`,
            {
              retryAfterSeconds: 5,
            },
          ),
        );
      return openStream(session, { node, path, request, signal });
    },
    connected: () => [...sessions.keys()],
    close: () => {
      for (const session of sessions.values()) session.destroy();
      sessions.clear();
    },
  };
}

function keepAlive(session: ClientHttp2Session, pingMs: number): NodeJS.Timeout {
  let answered = true;
  const timer = setInterval(() => {
    if (!answered) session.destroy(new Error('the node does not answer pings'));
    else if (!session.destroyed) {
      answered = false;
      session.ping(() => {
        answered = true;
      });
    }
  }, pingMs);
  return timer.unref();
}

/** One request of {@link NodeTunnels.open} on a connection that leads to the node. */
export function openStream(
  session: ClientHttp2Session,
  options: { node: string; path: string; request: unknown; signal: AbortSignal },
): Promise<ClientHttp2Stream> {
  const { node, path, signal } = options;
  // Header values are latin-1 on the wire; escapes keep the JSON in ASCII.
  const parameters = JSON.stringify(options.request).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': 'POST', ':path': path, 'amphora-request': parameters },
      { endStream: false, signal },
    );
    const timer = setTimeout(() => {
      stream.close();
      reject(new AmphoraError('Timeout', `node ${JSON.stringify(node)} did not answer in time`));
    }, LIMITS.tunnelAnswerMs);
    stream.on('error', (error) => {
      clearTimeout(timer);
      reject(
        signal.aborted
          ? AmphoraError.from(signal.reason)
          : new AmphoraError(
              'Unavailable',
              `the tunnel to node ${JSON.stringify(node)} failed: ${error.message}`,
            ),
      );
    });
    stream.on('close', () => clearTimeout(timer));
    stream.once('response', (headers) => {
      clearTimeout(timer);
      if (headers[':status'] === 200) resolve(stream);
      else refusal(stream, node).then(reject, reject);
    });
  });
}

async function refusal(stream: ClientHttp2Stream, node: string): Promise<AmphoraError> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readChunks(stream)) {
    size += chunk.length;
    if (size > LIMITS.frameBytes) break;
    chunks.push(chunk);
  }
  stream.close();
  try {
    const status = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      reason?: string;
      message?: string;
    };
    return new AmphoraError(codeOf(status.reason), status.message ?? `node ${node} refused the request`);
  } catch {
    return new AmphoraError(
      'Internal',
      `node ${JSON.stringify(node)} refused the request and did not say why`,
    );
  }
}

function codeOf(reason: string | undefined): ErrorCode {
  // The keys of the table are its codes; TypeScript widens them to string.
  const found = (Object.keys(ERRORS) as ErrorCode[]).find((code) => ERRORS[code].reason === reason);
  return found ?? 'Internal';
}
