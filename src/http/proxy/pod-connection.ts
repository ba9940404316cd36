import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';
import type { PodTarget } from '../streams/pod-target.ts';

/**
 * A connection to a port of a pod, made by the pod's node inside the pod's network: no address that somebody wrote
 * into a status is ever dialed. The certificate is not checked, as upstream has it: a pod has none of ours.
 */
export async function podConnection(
  services: Services,
  exchange: Exchange,
  { target, port, isSecure }: { target: PodTarget; port: number; isSecure: boolean },
): Promise<RequestOptions> {
  const { node, ...pod } = target;
  const { signal } = exchange;
  const stream = await services.nodes
    .open(node, '/v1/port-forward', { request: { ...pod, port }, signal })
    .catch((error) => {
      const known = AmphoraError.from(error);
      throw new AmphoraError('Unavailable', `error trying to reach service: ${known.message}`, {
        cause: known,
      });
    });
  const connection = isSecure ? await overTls(stream, signal) : stream;
  // HTTP's client uses of a socket only what every stream has, unless told to keep it alive.
  return { createConnection: () => connection as Socket, defaultPort: isSecure ? 443 : 80 };
}

function overTls(stream: Duplex, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: stream, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    const fail = (error: Error) => {
      socket.destroy();
      stream.destroy();
      reject(
        new AmphoraError('Unavailable', `error trying to reach service: ${error.message}`, { cause: error }),
      );
    };
    const timer = setTimeout(() => fail(new Error('TLS handshake timeout')), LIMITS.tunnelAnswerMs);
    const abort = () => fail(AmphoraError.from(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}
