import { Duplex } from 'node:stream';
import { AmphoraError } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import { controlFrame, dataFrame, readSpdyFrames, type SpdyFrame, TYPE } from './frame.ts';
import { HeaderCodec, type Headers } from './headers.ts';

const REFUSED_STREAM = 3;
const CANCEL = 5;

/**
 * The server's side of a SPDY/3.1 connection as Kubernetes uses it: the client opens streams and both sides send
 * data on them. Peers send no WINDOW_UPDATE and heed none, so TCP's window is the only flow control: while one
 * stream is full, the whole connection waits, as it does upstream.
 */
export class SpdySession {
  readonly #transport: Duplex;
  readonly #codec = new HeaderCodec();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #onStream: (stream: SpdyStream) => void;

  constructor(transport: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#transport = transport;
    this.#onStream = onStream;
    transport.on('error', () => {}); // `run` ends, and that says it.
  }

  /** Reads until the connection ends. @throws BadRequest for what breaks the protocol. */
  async run(): Promise<void> {
    try {
      for await (const frame of readSpdyFrames(this.#transport)) await this.#take(frame);
    } finally {
      this.#transport.destroy();
      for (const stream of this.#streams.values()) stream.destroy();
      this.#codec.close();
    }
  }

  /** Says that nothing more will come, and ends the connection when that is written. */
  close(): void {
    if (this.#transport.destroyed) return;
    this.#transport.end(controlFrame(TYPE.goAway, [0, 0]));
    setTimeout(() => this.#transport.destroy(), LIMITS.drainMs).unref();
  }

  /** For streams: resolves when there is room for more. */
  send(frame: Buffer, done: (error?: Error | null) => void): void {
    if (this.#transport.destroyed || this.#transport.writableEnded)
      done(new AmphoraError('Canceled', 'the client went away'));
    else this.#transport.write(frame, done);
  }

  forget(id: number, isReset: boolean): void {
    if (!this.#streams.delete(id) || !isReset) return;
    this.send(controlFrame(TYPE.reset, [id, CANCEL]), () => {});
  }

  async #take(frame: SpdyFrame): Promise<void> {
    if (frame.type === 'data') {
      await this.#streams.get(frame.stream)?.receive(frame.payload, frame.fin);
      return;
    }
    const { payload, kind } = frame;
    if (kind === TYPE.synStream) await this.#open(frame);
    else if (kind === TYPE.reset) this.#streams.get(wordAt(payload, 0))?.destroy();
    else if (kind === TYPE.ping) this.send(controlFrame(TYPE.ping, [wordAt(payload, 0)]), () => {});
    else if (kind === TYPE.headers || kind === TYPE.synReply) await this.#codec.decode(payload.subarray(4)); // Keeps the compression context in step.
  }

  async #open({ payload, fin }: { payload: Buffer; fin: boolean }): Promise<void> {
    const id = wordAt(payload, 0) & 0x7fff_ffff;
    const headers = await this.#codec.decode(payload.subarray(10));
    if (id % 2 === 0 || this.#streams.has(id) || this.#streams.size >= LIMITS.spdyStreams) {
      this.send(controlFrame(TYPE.reset, [id, REFUSED_STREAM]), () => {});
      return;
    }
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    this.send(controlFrame(TYPE.synReply, [id], await this.#codec.encode({})), () => {});
    if (fin) await stream.receive(Buffer.alloc(0), true);
    this.#onStream(stream);
  }
}

export class SpdyStream extends Duplex {
  readonly headers: Headers;
  readonly #session: SpdySession;
  readonly #id: number;
  #resume: (() => void) | undefined;
  #isHalfClosed = false;

  constructor(session: SpdySession, id: number, headers: Headers) {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.headers = headers;
    this.#session = session;
    this.#id = id;
    this.on('error', () => {}); // Whoever uses the stream sees it end.
  }

  /** Resolves when the reader wants more. */
  async receive(payload: Buffer, fin: boolean): Promise<void> {
    if (this.destroyed || this.#isHalfClosed) return;
    const hasRoom = payload.length === 0 || this.push(Buffer.from(payload));
    if (fin) {
      this.#isHalfClosed = true;
      this.push(null);
    }
    if (hasRoom || fin || this.readableLength < LIMITS.spdyStreamBufferBytes) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
  }

  override _read(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#session.send(dataFrame(this.#id, chunk, false), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.send(dataFrame(this.#id, Buffer.alloc(0), true), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#resume?.();
    this.#session.forget(this.#id, !this.writableFinished);
    done(error);
  }
}

function wordAt(payload: Buffer, at: number): number {
  if (payload.length < at + 4) throw new AmphoraError('BadRequest', 'a SPDY frame is cut off');
  return payload.readUInt32BE(at);
}
