import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../access/authn/authenticator.ts';
import type { Incoming } from './exchange.ts';

/** What TLS found out about the client's certificate; undefined when it sent none. */
export function clientCertificateOf(request: Incoming): ClientCertificate | undefined {
  // All connections of this server are TLS; on HTTP/2 this is a proxy that still gives what is read here.
  const socket = ('stream' in request ? request.stream?.session?.socket : request.socket) as
    | TLSSocket
    | undefined;
  const peer = socket?.getPeerCertificate?.();
  if (socket === undefined || peer?.subject === undefined) return undefined;
  const { authorizationError } = socket;
  return {
    trusted: socket.authorized,
    ...(authorizationError ? { problem: String(authorizationError) } : {}),
    commonName: [peer.subject.CN].flat()[0] ?? '',
    organizations: [peer.subject.O ?? []].flat(),
    fingerprint: peer.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
