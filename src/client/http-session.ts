import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { pipeline, Readable } from 'node:stream';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';

export interface SessionOptions {
  /** `https://host:port`; `http://` speaks HTTP/2 without TLS. */
  readonly server: string;
  /** PEM of whom to trust; the system's authorities where left out. */
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface StreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is sent as it is read, at the server's pace. */
  readonly body?: Buffer | Readable;
  readonly signal: AbortSignal;
}

export interface StreamAnswer {
  readonly status: number;
  readonly stream: ClientHttp2Stream;
}

/** Codes of failures that say the server has not begun to work on the request. */
const UNTOUCHED: ReadonlySet<string> = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_SESSION_ERROR',
]);

/** One HTTP/2 connection for everything, made when it is first needed and again when it is lost. */
export class HttpSession {
  readonly #options: SessionOptions;
  #session: ClientHttp2Session | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Resolves with the headers; the body is the stream. @throws Unavailable when there is no connection to be had. */
  async open(request: StreamRequest): Promise<StreamAnswer> {
    try {
      return await this.#try(request);
    } catch (error) {
      if (!(error instanceof Error) || !UNTOUCHED.has((error as NodeJS.ErrnoException).code ?? ''))
        throw request.signal.aborted ? AmphoraError.from(request.signal.reason) : this.#failed(error);
      this.#session = undefined;
    }
    return await this.#try(request).catch((error: unknown) => {
      throw this.#failed(error);
    });
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined || session.destroyed) return;
    await new Promise<void>((resolve) => {
      session.once('close', resolve);
      session.destroy();
    });
  }

  #try(request: StreamRequest): Promise<StreamAnswer> {
    const { method, path, headers, body, signal } = request;
    signal.throwIfAborted();
    const stream = this.#connected().request(
      { ':method': method, ':path': path, ...headers },
      { endStream: body === undefined },
    );
    const abort = () => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', abort, { once: true });
    stream.once('close', () => signal.removeEventListener('abort', abort));
    return new Promise((resolve, reject) => {
      stream.once('response', (answer) => resolve({ status: answer[':status'] ?? 0, stream }));
      // Stays for the stream's life: what comes after the headers reaches the reader of the body too.
      stream.on('error', reject);
      stream.once('close', () =>
        reject(signal.aborted ? signal.reason : new Error('the connection was closed')),
      );
      if (body instanceof Readable)
        pipeline(body, stream, () => {}); // How it went, the answer or the error above says.
      else if (body !== undefined) stream.end(body);
    });
  }

  #connected(): ClientHttp2Session {
    const known = this.#session;
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const { server, ca, cert, key } = this.#options;
    const session = connect(server, {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    const drop = () => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on('error', drop); // Each of its streams fails with the same error, where somebody listens.
    session.on('close', drop);
    session.on('goaway', drop);
    session.setTimeout(LIMITS.clientPingMs, () => this.#ping(session));
    this.#session = session;
    return session;
  }

  /** A silent connection may be a dead one: an answer to a ping shows that it is not. */
  #ping(session: ClientHttp2Session): void {
    if (session.destroyed) return;
    const late = setTimeout(
      () => session.destroy(new Error('the server does not answer')),
      LIMITS.clientPingMs,
    );
    late.unref();
    session.ping(() => clearTimeout(late));
  }

  #failed(error: unknown): AmphoraError {
    const why = error instanceof Error ? error.message : String(error);
    const message = `no answer from the API server at ${this.#options.server}: ${why}`;
    return new AmphoraError('Unavailable', message, { cause: error });
  }
}
