import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../access/authn/authenticator.ts';
import { type Incoming, sessionOf, socketOf } from './wire.ts';

const LONGEST_CHAIN = 10;

/** What TLS found out about each connection's client: read once, since decoding a certificate takes longer than a get. */
export class ClientCertificates {
  readonly #known = new WeakMap<object, ClientCertificate | undefined>();

  readonly #proxyRoot: string | undefined;

  /** @param proxyCa PEM: whom it signed is a front proxy, and nobody else */
  constructor(proxyCa: string | undefined) {
    this.#proxyRoot = proxyCa === undefined ? undefined : new X509Certificate(proxyCa).fingerprint256;
  }

  /** Undefined when the client sent none. */
  of(request: Incoming): ClientCertificate | undefined {
    const socket = socketOf(request);
    // An HTTP/2 session hands out a new proxy of its socket now and then; the session itself stays.
    const connection = sessionOf(request) ?? socket;
    if (socket === undefined || connection === undefined) return undefined;
    if (this.#known.has(connection)) return this.#known.get(connection);
    const certificate = certificateOf(socket, this.#proxyRoot);
    this.#known.set(connection, certificate);
    return certificate;
  }
}

function certificateOf(socket: TLSSocket, proxyRoot: string | undefined): ClientCertificate | undefined {
  const peer = socket.getPeerCertificate?.(true);
  if (peer?.subject === undefined) return undefined;
  const { authorizationError } = socket;
  return {
    trusted: socket.authorized,
    ...(proxyRoot !== undefined && rootOf(peer) === proxyRoot ? { isProxy: true } : {}),
    ...(authorizationError ? { problem: String(authorizationError) } : {}),
    commonName: [peer.subject.CN].flat()[0] ?? '',
    organizations: [peer.subject.O ?? []].flat(),
    fingerprint: peer.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** Of the chain as TLS found it: its end is an authority of ours where the certificate is trusted. */
function rootOf(peer: DetailedPeerCertificate): string {
  let at = peer;
  for (let depth = 0; depth < LONGEST_CHAIN; depth++) {
    const above = at.issuerCertificate as DetailedPeerCertificate | undefined; // Missing where the chain is not whole.
    if (above === undefined || above.fingerprint256 === at.fingerprint256) break;
    at = above;
  }
  return at.fingerprint256;
}
