import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { LIMITS } from '../lib/limits.ts';

/** A request as it came: of HTTP/1.1 Node's own, of HTTP/2 the stream itself. */
export type Incoming = IncomingMessage | Http2Incoming;

/** Where its answer goes. */
export type Outgoing = ServerResponse | Http2Outgoing;

/**
 * A request on an HTTP/2 stream. Node's compatibility classes would do as well, but cost a fifth of a small
 * request; this has what the server reads, and nothing else.
 */
export class Http2Incoming {
  readonly httpVersionMajor = 2;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    this.stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
  }

  get method(): string {
    return String(this.headers[':method'] ?? 'GET');
  }

  get url(): string {
    return String(this.headers[':path'] ?? '/');
  }
}

/** The answer on an HTTP/2 stream, with the few members of a `ServerResponse` that a reply uses. */
export class Http2Outgoing {
  readonly stream: ServerHttp2Stream;
  /** The answer to HEAD has no body, and ends with its headers. */
  readonly #bodiless: boolean;

  constructor({ stream, method }: Http2Incoming) {
    this.stream = stream;
    this.#bodiless = method === 'HEAD';
  }

  get destroyed(): boolean {
    return this.stream.destroyed;
  }

  get writableEnded(): boolean {
    return this.stream.writableEnded;
  }

  get writableFinished(): boolean {
    return this.stream.writableFinished;
  }

  get writableNeedDrain(): boolean {
    return this.stream.writableNeedDrain;
  }

  writeHead(status: number, headers: Readonly<OutgoingHttpHeaders>): void {
    if (this.stream.destroyed) return;
    this.stream.respond({ ...headers, [constants.HTTP2_HEADER_STATUS]: status });
  }

  flushHeaders(): void {} // A stream's headers go out at once.

  /** @returns whether there is room for more */
  write(chunk: Buffer): boolean {
    return this.#bodiless ? true : this.stream.write(chunk);
  }

  end(chunk?: Buffer): void {
    if (!this.stream.readableEnded && !this.stream.endAfterHeaders) discard(this.stream);
    if (chunk === undefined || this.#bodiless) this.stream.end();
    else this.stream.end(chunk);
  }

  once(event: string, listener: (...values: unknown[]) => void): void {
    this.stream.once(event, listener);
  }

  off(event: string, listener: (...values: unknown[]) => void): void {
    this.stream.off(event, listener);
  }

  destroy(): void {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/**
 * Takes what the client still sends of a request that is answered, up to the length of a body: data for a stream that
 * is closed counts as a fault of the client's, and a hundred of those end its connection.
 */
function discard(stream: ServerHttp2Stream): void {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    // https://www.rfc-editor.org/rfc/rfc9113#section-8.1-9
    if (bytes > LIMITS.requestBodyBytes) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

/** The bytes that follow the request's headers. */
export function bodyOf(request: Incoming): Readable {
  return request instanceof Http2Incoming ? request.stream : request;
}

/** The connection it came on. All of this server's are TLS. */
export function socketOf(request: Incoming): TLSSocket | undefined {
  const socket = request instanceof Http2Incoming ? request.stream.session?.socket : request.socket;
  return socket as TLSSocket | undefined; // On HTTP/2 this is a proxy that still gives what is read here.
}

export function sessionOf(request: Incoming): Http2Session | undefined {
  return request instanceof Http2Incoming ? request.stream.session : undefined;
}
