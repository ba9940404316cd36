import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS, MIB } from '../../lib/limits.ts';
import { DEADLINE_EXCEEDED, RpcError, UNAVAILABLE } from './rpc-error.ts';

/** PEM; without `ca` the system's authorities are trusted. */
export interface ChannelTls {
  readonly ca?: Buffer;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

const DEFAULT_PORT = '2379';
const FRAME_HEAD_BYTES = 5;
/** Windows large enough that a page of objects need not wait for the other side. */
const STREAM_WINDOW_BYTES = 4 * MIB;
const SESSION_WINDOW_BYTES = 32 * MIB;
const SESSION_MEMORY_MIB = 256;

/** gRPC over one HTTP/2 connection, made when it is first needed and again when it is lost. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export class Channel {
  readonly #origin: string;
  readonly #tls: ChannelTls;
  #session: Session | undefined;

  /** @param endpoint `https://host:port`; `http://` for no TLS @throws BadRequest */
  constructor(endpoint: string, tls: ChannelTls = {}) {
    const url = URL.parse(endpoint);
    if (url === null || !/^https?:$/.test(url.protocol) || url.host === '')
      throw new AmphoraError('BadRequest', `etcd server ${JSON.stringify(endpoint)}: use https://host:port`);
    this.#origin = `${url.protocol}//${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`;
    this.#tls = tls;
  }

  /** One message for one. @param forMs how long it may take @throws RpcError */
  unary(
    path: string,
    message: Buffer,
    { signal, forMs }: { signal: AbortSignal; forMs: number },
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const session = this.#connected();
      const stream = session.open(path, { 'grpc-timeout': `${Math.ceil(forMs)}m` });
      const end = (error: RpcError | undefined, answer?: Buffer) => {
        clearTimeout(late);
        signal.removeEventListener('abort', abort);
        if (error === undefined && answer !== undefined) resolve(answer);
        else reject(error ?? new RpcError(UNAVAILABLE, 'the answer has no message', { untouched: false }));
      };
      const abort = () => {
        stream.close(constants.NGHTTP2_CANCEL);
        end(new RpcError(UNAVAILABLE, 'the call was cancelled', { untouched: false }));
      };
      const late = setTimeout(() => {
        stream.close(constants.NGHTTP2_CANCEL);
        session.probe(); // It may be slow, or gone without a word.
        end(
          new RpcError(DEADLINE_EXCEEDED, `no answer within ${forMs} ms`, {
            untouched: !session.isConnected,
          }),
        );
      }, forMs);
      signal.addEventListener('abort', abort, { once: true });
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      const status = statusOf(stream, session);
      stream.once('close', () => {
        const error = status();
        end(error, error === undefined ? wholeMessage(chunks) : undefined);
      });
      stream.end(frameOf(message));
    });
  }

  /** Messages for one, until the signal aborts; the other side is told that more could come. @throws RpcError */
  async *stream(path: string, message: Buffer, signal: AbortSignal): AsyncGenerator<Buffer> {
    if (signal.aborted) return;
    const session = this.#connected();
    const stream = session.open(path, {});
    const status = statusOf(stream, session);
    const abort = () => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', abort, { once: true });
    try {
      stream.write(frameOf(message));
      yield* messages(stream);
    } catch (error) {
      if (!signal.aborted) throw status() ?? error;
    } finally {
      signal.removeEventListener('abort', abort);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    const ended = status();
    if (ended !== undefined && !signal.aborted) throw ended;
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #connected(): Session {
    if (this.#session?.isUsable !== true) this.#session = new Session(this.#origin, this.#tls);
    return this.#session;
  }
}

/** One connection, and whether it lives. */
class Session {
  readonly #session: ClientHttp2Session;
  isConnected = false;
  #failure: Error | undefined;
  #streams = 0;

  constructor(origin: string, { ca, certificate, key }: ChannelTls) {
    this.#session = connect(origin, {
      maxSessionMemory: SESSION_MEMORY_MIB,
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    });
    const dial = setTimeout(() => this.#fail(new Error('no connection in time')), LIMITS.etcdDialMs);
    this.#session.setTimeout(LIMITS.etcdPingMs, () => this.probe());
    this.#session.once('connect', () => {
      clearTimeout(dial);
      this.isConnected = true;
      this.#session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    this.#session.on('error', (error) => this.#fail(error));
    this.#session.on('goaway', () => this.#session.close()); // What is under way may end; the next call connects anew.
    this.#session.once('close', () => clearTimeout(dial));
  }

  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Why the connection was lost, if it was. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  open(path: string, headers: Readonly<Record<string, string>>): ClientHttp2Stream {
    const stream = this.#request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      // A member that knows no leader then says so at once, and before it begins.
      hasleader: 'true',
      ...headers,
    });
    this.#streams += 1;
    stream.on('error', () => {}); // Told at its close, with what else is known then.
    stream.once('close', () => {
      this.#streams -= 1;
    });
    return stream;
  }

  /** @throws RpcError for a connection that was lost in the same turn */
  #request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    try {
      return this.#session.request(headers);
    } catch (error) {
      throw new RpcError(UNAVAILABLE, AmphoraError.from(error).message, { untouched: true });
    }
  }

  destroy(): void {
    this.#session.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#session.destroy();
  }

  /** Asks a silent member whether it lives; one without calls must not be asked, or it hangs up. */
  probe(): void {
    if (this.#streams === 0 || !this.isUsable) return;
    const late = setTimeout(() => this.#fail(new Error('etcd does not answer')), LIMITS.etcdPingAnswerMs);
    this.#session.once('close', () => clearTimeout(late));
    if (!this.#session.ping(() => clearTimeout(late))) clearTimeout(late);
  }
}

/** Told when the stream is closed: undefined when all went well. */
function statusOf(stream: ClientHttp2Stream, session: Session): () => RpcError | undefined {
  let status: RpcError | undefined;
  let isOk = false;
  const read = (headers: IncomingHttpHeaders) => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    isOk = code === '0';
    const message = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    if (!isOk) status = new RpcError(Number(code), message, { untouched: false });
  };
  stream.once('response', (headers) => {
    read(headers);
    if (headers[':status'] !== 200)
      status ??= new RpcError(UNAVAILABLE, `it answers HTTP ${String(headers[':status'])}`, {
        untouched: true,
      });
  });
  stream.once('trailers', read);
  return () => {
    if (isOk || status !== undefined) return status;
    const untouched = !session.isConnected || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const why = session.failure?.message ?? 'the connection was closed';
    return new RpcError(UNAVAILABLE, why, { untouched });
  };
}

function frameOf(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, FRAME_HEAD_BYTES);
  return frame;
}

function wholeMessage(chunks: readonly Buffer[]): Buffer | undefined {
  const frame = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  return frame.length < FRAME_HEAD_BYTES ? undefined : frame.subarray(FRAME_HEAD_BYTES);
}

async function* messages(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + rest.readUInt32BE(1);
      if (rest.length < end) break;
      yield rest.subarray(FRAME_HEAD_BYTES, end);
      rest = rest.subarray(end);
    }
  }
}
