import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import {
  DATA_CHUNK,
  encodeFrame,
  FRAME,
  type Frame,
  FrameReader,
  INWARD_WINDOW,
  MAX_PAYLOAD,
  MORE,
} from './frame.ts';
import { OPERATION, TAG } from './numbers.ts';
import { Records, RecordWriter, u64 } from './records.ts';

const HELLO_AGAIN_MS = 250;
const REQUEST_MS = 30 * SECOND_MS;
const MAX_REPLY_BYTES = 1024 * 1024;
const MAX_REQUEST_BYTES = 2 * 1024 * 1024;
/** Bytes a guest may send on a stream before we acknowledged them: its largest ring. */
const OUTWARD_WINDOW = 256 * 1024;

/** Takes one stream of the guest. What `write` resolved for is acknowledged and will not come again. */
export interface StreamSink {
  /** Where to go on. */
  readonly offset: number;
  write(data: Buffer): Promise<void>;
  end(): void;
}

export interface ChannelEvents {
  readonly onExit: (process: number, records: Records) => void;
  /** Once, with why: the guest or its QEMU is gone, or broke the protocol (`Corrupt`). */
  readonly onClose: (error: AmphoraError) => void;
}

interface Inward {
  sent: number;
  acknowledged: number;
  wake: () => void;
}

interface Outward {
  readonly sink: StreamSink;
  received: number;
  consumed: number;
  queue: Promise<void>;
}

interface Pending {
  readonly resolve: (records: Records) => void;
  readonly reject: (error: unknown) => void;
  readonly parts: Buffer[];
  size: number;
}

/** One connection to one guest. */
export class GuestChannel {
  readonly #socket: Socket;
  readonly #events: ChannelEvents;
  readonly #session = randomBytes(4).readUInt32LE(0) | 1;
  readonly #pending = new Map<number, Pending>();
  readonly #outward = new Map<number, Outward>();
  readonly #inward = new Map<number, Inward>();
  readonly #welcome = Promise.withResolvers<Records>();
  #nextRequest = 1;
  #closed: AmphoraError | undefined;

  constructor(socket: Socket, events: ChannelEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#welcome.promise.catch(() => {});
    const reader = new FrameReader(this.#session >>> 0);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.take(chunk)) this.#take(frame);
      } catch (error) {
        this.#fail(AmphoraError.from(error));
      }
    });
    socket.on('error', () => {});
    socket.on('close', () =>
      this.#fail(new AmphoraError('Unavailable', 'the connection to the guest ended')),
    );
  }

  /** Says hello until the guest answers; resolves with what it says of itself. */
  async hello(instance: Buffer, signal: AbortSignal): Promise<{ version: number; kernel: string }> {
    const say = () => {
      const time = BigInt(Date.now()) * 1_000_000n;
      const body = new RecordWriter()
        .number(TAG.version, 1)
        .bytes(TAG.instance, instance)
        .number(TAG.time, time);
      this.#send(FRAME.hello, 0, body.finish());
    };
    say();
    const timer = setInterval(say, HELLO_AGAIN_MS);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      const said = await Promise.race([this.#welcome.promise, aborted.promise]);
      return { version: said.number(TAG.version), kernel: said.text(TAG.kernel).slice(0, 100) };
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** @throws ProcessFailed with the guest's errno and words; Timeout; Unavailable when the guest is gone. */
  async request(
    operation: keyof typeof OPERATION,
    body: RecordWriter,
    signal?: AbortSignal,
  ): Promise<Records> {
    if (this.#closed !== undefined) throw this.#closed;
    const head = Buffer.alloc(2);
    head.writeUInt16LE(OPERATION[operation]);
    const bytes = Buffer.concat([head, body.finish()]);
    if (bytes.length > MAX_REQUEST_BYTES)
      throw new AmphoraError(
        'TooLarge',
        `what is passed to the guest is ${bytes.length} bytes; at most 2 MiB fit`,
      );
    const id = this.#nextRequest++;
    const { promise, resolve, reject } = Promise.withResolvers<Records>();
    this.#pending.set(id, { resolve, reject, parts: [], size: 0 });
    const timeout = AbortSignal.timeout(REQUEST_MS);
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const abort = () => reject(AmphoraError.during(`guest request ${operation}`, either.reason));
    either.addEventListener('abort', abort, { once: true });
    for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) {
      const more = at + MAX_PAYLOAD < bytes.length;
      this.#send(FRAME.request, id, bytes.subarray(at, at + MAX_PAYLOAD), more ? MORE : 0);
    }
    try {
      return await promise;
    } finally {
      either.removeEventListener('abort', abort);
      this.#pending.delete(id);
    }
  }

  /** Starts or resumes a stream of the guest. */
  attach(stream: number, sink: StreamSink): void {
    this.#outward.set(stream, {
      sink,
      received: sink.offset,
      consumed: sink.offset,
      queue: Promise.resolve(),
    });
    this.#send(FRAME.attach, stream, u64(sink.offset));
  }

  openInward(stream: number): void {
    if (this.#inward.has(stream)) return;
    this.#inward.set(stream, { sent: 0, acknowledged: 0, wake: () => {} });
    this.#send(FRAME.attach, stream, u64(0));
  }

  /** Resolves when the bytes were handed to the channel within the guest's window. */
  async write(stream: number, data: Buffer): Promise<void> {
    const inward = this.#inward.get(stream);
    for (let at = 0; at < data.length && inward !== undefined; ) {
      if (this.#closed !== undefined) throw this.#closed;
      const room = inward.acknowledged + INWARD_WINDOW - inward.sent;
      if (room <= 0) {
        await new Promise<void>((resolve) => {
          inward.wake = resolve;
        });
        continue;
      }
      const part = data.subarray(at, at + Math.min(room, DATA_CHUNK));
      this.#send(FRAME.data, stream, Buffer.concat([u64(inward.sent), part]));
      inward.sent += part.length;
      at += part.length;
    }
  }

  endInward(stream: number): void {
    const inward = this.#inward.get(stream);
    if (inward !== undefined) this.#send(FRAME.eof, stream, u64(inward.sent));
  }

  /** Wants no more of a stream, and forgets it. */
  closeStream(stream: number): void {
    this.#outward.delete(stream);
    const inward = this.#inward.get(stream);
    this.#inward.delete(stream);
    inward?.wake();
    this.#send(FRAME.close, stream, Buffer.alloc(0));
  }

  acknowledgeExit(sequence: number): void {
    this.#send(FRAME.exitAck, 0, u64(sequence));
  }

  close(): void {
    this.#fail(new AmphoraError('Canceled', 'the engine closed'));
  }

  #send(type: number, id: number, payload: Buffer, flags = 0): void {
    if (this.#closed === undefined)
      this.#socket.write(encodeFrame({ type, flags, session: this.#session >>> 0, id, payload }));
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case FRAME.welcome:
        this.#welcome.resolve(new Records(frame.payload));
        break;
      case FRAME.reply:
        this.#takeReply(frame);
        break;
      case FRAME.data:
        this.#takeData(frame);
        break;
      case FRAME.eof:
        this.#takeEof(frame.id);
        break;
      case FRAME.ack:
        this.#takeAck(frame);
        break;
      case FRAME.exit:
        this.#events.onExit(frame.id, new Records(frame.payload));
        break;
      default:
        throw new AmphoraError('Corrupt', `the guest sent a frame of type ${frame.type}`);
    }
  }

  #takeReply(frame: Frame): void {
    const pending = this.#pending.get(frame.id);
    if (pending === undefined) {
      if (frame.id >= this.#nextRequest)
        throw new AmphoraError('Corrupt', 'the guest answers what nobody asked');
      return; // Whoever asked has gone away.
    }
    pending.size += frame.payload.length;
    if (pending.size > MAX_REPLY_BYTES) throw new AmphoraError('Corrupt', 'the guest answers too much');
    pending.parts.push(frame.payload);
    if ((frame.flags & MORE) !== 0) return;
    const whole = Buffer.concat(pending.parts);
    if (whole.length < 4) throw new AmphoraError('Corrupt', 'the guest sent a malformed reply');
    const errno = whole.readUInt32LE(0);
    const records = new Records(whole.subarray(4));
    if (errno === 0) pending.resolve(records);
    else pending.reject(guestError(errno, records.text(TAG.message)));
  }

  #takeData(frame: Frame): void {
    const stream = this.#outward.get(frame.id);
    if (stream === undefined) return; // It was closed while this was under way.
    const offset = readOffset(frame);
    const data = frame.payload.subarray(8);
    if (offset !== stream.received) throw new AmphoraError('Corrupt', 'the guest skipped or repeated output');
    stream.received += data.length;
    if (stream.received - stream.consumed > OUTWARD_WINDOW)
      throw new AmphoraError('Corrupt', 'the guest sent more than it may');
    stream.queue = stream.queue.then(async () => {
      if (this.#outward.get(frame.id) !== stream) return;
      await stream.sink.write(data);
      stream.consumed += data.length;
      this.#send(FRAME.ack, frame.id, u64(stream.consumed));
    });
    stream.queue.catch((error: unknown) => this.#fail(AmphoraError.during('taking output', error)));
  }

  #takeEof(id: number): void {
    const stream = this.#outward.get(id);
    if (stream === undefined) return;
    stream.queue = stream.queue.then(() => {
      this.#outward.delete(id);
      stream.sink.end();
    });
    stream.queue.catch(() => {});
  }

  #takeAck(frame: Frame): void {
    const inward = this.#inward.get(frame.id);
    if (inward === undefined) return;
    const offset = readOffset(frame);
    // After the node's restart the guest's count is ahead of ours, which begins at nothing.
    inward.sent = Math.max(inward.sent, offset);
    inward.acknowledged = Math.max(inward.acknowledged, offset);
    inward.wake();
  }

  #fail(error: AmphoraError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#socket.destroy();
    this.#welcome.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    for (const inward of this.#inward.values()) inward.wake();
    this.#events.onClose(error);
  }
}

function readOffset(frame: Frame): number {
  const offset = frame.payload.length < 8 ? Number.NaN : Number(frame.payload.readBigUInt64LE());
  if (!Number.isSafeInteger(offset)) throw new AmphoraError('Corrupt', 'the guest sent a malformed offset');
  return offset;
}

function guestError(errno: number, message: string): AmphoraError {
  const said = message.slice(0, 1000) || `error ${errno} in the guest`;
  return new AmphoraError('ProcessFailed', said);
}

/** @throws Unavailable when nothing listens there: QEMU is gone. */
export async function dialUnix(path: string, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', resolve);
    socket.once('error', (cause) =>
      reject(new AmphoraError('Unavailable', `nothing listens at ${path}`, { cause })),
    );
  }).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  return socket;
}
