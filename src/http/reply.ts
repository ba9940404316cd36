import type { OutgoingHttpHeaders } from 'node:http';
import { constants, createGzip } from 'node:zlib';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { Outgoing } from './wire.ts';

/** What goes out in one piece, and needs no waiting for the client. */
const PIECE_BYTES = 65_536;

/** What is written at once before the client is waited for. */
const LONGEST_PIECE_BYTES = 262_144;

/** A long answer, made while it is sent. */
export interface Body extends Iterable<Buffer> {
  /** Bytes of all pieces together. */
  readonly length: number;
}

/** The answer to one request: headers once, then bytes at the pace the client reads them. */
export class Reply {
  readonly #response: Outgoing;
  readonly #headers: OutgoingHttpHeaders = {};
  readonly #acceptsGzip: boolean;
  #status = 0;
  readonly #onBegin: ((status: number) => void)[] = [];
  #bytes = 0;
  /** Is handed every answer that is sent whole, before it goes out. */
  capture: ((contentType: string, body: Buffer) => void) | undefined;

  constructor(response: Outgoing, acceptEncoding: string | undefined) {
    this.#response = response;
    this.#acceptsGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(acceptEncoding ?? '');
  }

  /** 0 while no status line has gone out. */
  get status(): number {
    return this.#status;
  }

  get bytes(): number {
    return this.#bytes;
  }

  header(name: string, value: string | string[]): void {
    this.#headers[name] = value;
  }

  removeHeader(name: string): void {
    delete this.#headers[name];
  }

  async json(status: number, value: unknown): Promise<void> {
    await this.send(status, 'application/json', Buffer.from(JSON.stringify(value)));
  }

  /** The whole answer; a long one at the pace the client reads it. */
  async send(status: number, contentType: string, body: Buffer | Body): Promise<void> {
    if (this.capture !== undefined && body.length <= LIMITS.auditBodyBytes) {
      const whole = Buffer.isBuffer(body) ? body : Buffer.concat([...piecesOf(body)]);
      this.capture(contentType, whole);
      return this.#send(status, contentType, whole);
    }
    return this.#send(status, contentType, body);
  }

  async #send(status: number, contentType: string, body: Buffer | Body): Promise<void> {
    if (this.#acceptsGzip && body.length >= LIMITS.gzipFromBytes) {
      await this.#sendGzip(status, contentType, piecesOf(body));
      return;
    }
    this.header('content-length', String(body.length));
    this.begin(status, contentType);
    if (Buffer.isBuffer(body) && body.length <= PIECE_BYTES) {
      this.#endWith(body);
      return;
    }
    for (const piece of piecesOf(body)) await this.write(piece);
    await this.end();
  }

  /** Called once, right before the headers go out. */
  onBegin(call: (status: number) => void): void {
    this.#onBegin.push(call);
  }

  /** Sends the status line and headers; then come {@link write} and {@link end}. */
  begin(status: number, contentType?: string): void {
    if (contentType !== undefined) this.#headers['content-type'] = contentType;
    this.#headers['cache-control'] ??= 'no-cache, private';
    for (const call of this.#onBegin) call(status);
    this.#status = status;
    this.#response.writeHead(status, this.#headers);
  }

  flushHeaders(): void {
    this.#response.flushHeaders();
  }

  /** Resolves when there is room for more. @throws Canceled when the client went away or reads nothing. */
  async write(chunk: Buffer): Promise<void> {
    const response = this.#response;
    if (isGone(response)) throw new AmphoraError('Canceled', 'the client went away');
    this.#bytes += chunk.length;
    if (response.write(chunk)) return;
    await this.#event('drain');
  }

  /** Whether {@link offer} would write now. */
  get hasRoom(): boolean {
    return !isGone(this.#response) && !this.#response.writableNeedDrain;
  }

  /** Writes without waiting. To be called while there is room. */
  offer(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#response.write(chunk);
  }

  async end(): Promise<void> {
    if (isGone(this.#response) || this.#response.writableFinished) return;
    const finished = this.#event('finish');
    this.#response.end();
    await finished;
  }

  /** Cuts the connection or stream: the client sees that the answer is not whole. */
  destroy(): void {
    this.#response.destroy();
  }

  /** The last bytes: a client that does not read them loses its connection when that is idle too long. */
  #endWith(chunk: Buffer): void {
    if (isGone(this.#response)) throw new AmphoraError('Canceled', 'the client went away');
    this.#bytes += chunk.length;
    this.#response.end(chunk);
  }

  async #sendGzip(status: number, contentType: string, pieces: Iterable<Buffer>): Promise<void> {
    this.header('content-encoding', 'gzip');
    this.header('vary', 'Accept-Encoding');
    this.begin(status, contentType);
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    const feed = feedAll(gzip, pieces);
    for await (const piece of gzip) await this.write(piece);
    await feed;
    await this.end();
  }

  #event(name: 'drain' | 'finish'): Promise<void> {
    const response = this.#response;
    return new Promise((resolve, reject) => {
      const done = (error?: Error) => {
        clearTimeout(timer);
        response.off(name, ok);
        response.off('close', gone);
        if (error === undefined) resolve();
        else reject(error);
      };
      const ok = () => done();
      const gone = () =>
        name === 'finish' ? done() : done(new AmphoraError('Canceled', 'the client went away'));
      const timer = setTimeout(() => {
        this.destroy();
        done(new AmphoraError('Canceled', 'the client stopped reading the answer'));
      }, LIMITS.httpStallMs);
      response.once(name, ok);
      response.once('close', gone);
    });
  }
}

function isGone(response: Outgoing): boolean {
  return response.destroyed || response.writableEnded;
}

async function feedAll(gzip: ReturnType<typeof createGzip>, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces)
    if (!gzip.write(piece))
      await new Promise((resolve) => gzip.once('drain', resolve).once('close', resolve));
  gzip.end();
}

/** No longer than what a client may keep waiting to be sent. */
function* piecesOf(body: Buffer | Body): Generator<Buffer> {
  for (const piece of Buffer.isBuffer(body) ? [body] : body)
    if (piece.length <= LONGEST_PIECE_BYTES) yield piece;
    else
      for (let from = 0; from < piece.length; from += LONGEST_PIECE_BYTES)
        yield piece.subarray(from, from + LONGEST_PIECE_BYTES);
}
