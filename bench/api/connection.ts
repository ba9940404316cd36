import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Endpoint } from './load.ts';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string | undefined;
  readonly body?: string | undefined;
}

/** One HTTP/2 connection of the load generator, as thin as Node allows: it competes with the server for two cores. */
export class Connection implements AsyncDisposable {
  readonly #session: ClientHttp2Session;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(session: ClientHttp2Session, to: Endpoint) {
    this.#session = session;
    this.#headers = {
      'user-agent': 'bench/1',
      accept: 'application/json',
      ...(to.token === undefined ? {} : { authorization: `Bearer ${to.token}` }),
    };
  }

  static async open(to: Endpoint): Promise<Connection> {
    const { ca, cert, key } = to;
    const session = connect(to.server, {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      settings: { enablePush: false, initialWindowSize: 8 * 1024 ** 2 },
    });
    await new Promise<void>((resolve, reject) => {
      session.once('connect', () => resolve());
      session.once('error', reject);
    });
    session.setLocalWindowSize(16 * 1024 ** 2);
    return new Connection(session, to);
  }

  /** @returns bytes of the answer's body @throws for any status but 2xx */
  send(request: Request): Promise<number> {
    return new Promise((resolve, reject) => {
      const stream = this.#open(request);
      let bytes = 0;
      let status = 0;
      let refused = '';
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (status > 299 && refused.length < 500) refused += chunk.toString();
      });
      stream.on('end', () => {
        if (status > 199 && status < 300) resolve(bytes);
        else reject(new Error(`${request.method} ${request.path}: ${status} ${refused}`));
      });
      stream.on('error', reject);
    });
  }

  /** Resolves once the answer has begun; `heard` is called for each piece that comes. */
  follow(path: string, heard: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#open({ method: 'GET', path });
      stream.on('response', (headers) =>
        headers[':status'] === 200 ? resolve() : reject(new Error(`GET ${path}: ${headers[':status']}`)),
      );
      stream.on('data', heard);
      stream.on('error', reject);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#session.destroyed) return;
    const closed = new Promise((resolve) => this.#session.once('close', resolve));
    this.#session.destroy();
    await closed;
  }

  #open({ method, path, contentType, body }: Request): ClientHttp2Stream {
    const headers = { ...this.#headers, ':method': method, ':path': path };
    if (body === undefined) return this.#session.request(headers);
    const typed = { ...headers, 'content-type': contentType ?? 'application/json' };
    const stream = this.#session.request(typed, { endStream: false });
    stream.end(body);
    return stream;
  }
}
