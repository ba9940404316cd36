import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../access/authn/authenticator.ts';
import { type Incoming, sessionOf, socketOf } from './wire.ts';

/** What TLS found out about each connection's client: read once, since decoding a certificate takes longer than a get. */
export class ClientCertificates {
  readonly #known = new WeakMap<object, ClientCertificate | undefined>();

  /** Undefined when the client sent none. */
  of(request: Incoming): ClientCertificate | undefined {
    const socket = socketOf(request);
    // An HTTP/2 session hands out a new proxy of its socket now and then; the session itself stays.
    const connection = sessionOf(request) ?? socket;
    if (socket === undefined || connection === undefined) return undefined;
    if (this.#known.has(connection)) return this.#known.get(connection);
    const certificate = certificateOf(socket);
    this.#known.set(connection, certificate);
    return certificate;
  }
}

function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  const peer = socket.getPeerCertificate?.();
  if (peer?.subject === undefined) return undefined;
  const { authorizationError } = socket;
  return {
    trusted: socket.authorized,
    ...(authorizationError ? { problem: String(authorizationError) } : {}),
    commonName: [peer.subject.CN].flat()[0] ?? '',
    organizations: [peer.subject.O ?? []].flat(),
    fingerprint: peer.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
