import { type ClientHttp2Session, connect } from 'node:http2';
import { AmphoraError } from '../../lib/errors.ts';
import { type NodeTunnels, openStream } from './node-tunnels.ts';

/** How this server reaches the others of its cluster. */
export interface Peers {
  /** Proves to them that we are one of them; PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Lets the others know that a node's tunnel ends here; tries until it is done or the signal aborts. */
  announce(node: string, signal: AbortSignal): Promise<void>;
  /** The server at which a node's tunnel ends, as it announced itself; undefined for ourselves, or when nobody did. */
  serverOf(node: string, signal: AbortSignal): Promise<string | undefined>;
}

/**
 * The tunnels of all servers of a cluster: what is asked of a node whose tunnel ends at another server goes through
 * that one, on a stream of its own over one connection.
 */
export function createPeerTunnels(own: NodeTunnels, peers: Peers): NodeTunnels {
  const sessions = new Map<string, ClientHttp2Session>();
  const closed = new AbortController();
  const sessionTo = (server: string) => {
    const known = sessions.get(server);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = connect(server, { ...peers.tls, settings: { enablePush: false } });
    session.on('error', () => {}); // Each of its streams fails with it.
    session.on('close', () => {
      if (sessions.get(server) === session) sessions.delete(server);
    });
    sessions.set(server, session);
    return session;
  };
  return {
    accept: (node, socket) => {
      own.accept(node, socket);
      // Until it is done, and if it can't be, the others say that the node is not connected.
      peers.announce(node, closed.signal).catch(() => {});
    },
    open: async (node, path, options) => {
      if (options.isRelayed === true || own.connected().includes(node))
        return await own.open(node, path, options);
      const server = await peers.serverOf(node, options.signal);
      if (server === undefined) return await own.open(node, path, options); // Which says that it is not connected.
      const relay = `/apis/amphora.dev/v1/nodes/${encodeURIComponent(node)}/relay`;
      const request = { path, request: options.request };
      return await openStream(sessionTo(server), { node, path: relay, request, signal: options.signal });
    },
    connected: () => own.connected(),
    close: () => {
      closed.abort();
      own.close();
      for (const session of sessions.values()) session.destroy();
      sessions.clear();
    },
  };
}

/** What one server asks another to pass on. @throws BadRequest */
export function relayed(asked: unknown): { readonly path: string; readonly request: unknown } {
  const { path, request } = (asked ?? {}) as { path?: unknown; request?: unknown }; // Looked at below.
  if (typeof path === 'string' && /^\/v1\/[a-z/-]+$/.test(path)) return { path, request };
  throw new AmphoraError('BadRequest', 'the header amphora-request names no path of a node');
}
