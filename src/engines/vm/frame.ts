import { crc32 } from 'node:zlib';
import { AmphoraError } from '../../lib/errors.ts';

/** The frame layer of docs/designs/guest-protocol.md. */
export const FRAME = {
  hello: 1,
  welcome: 2,
  request: 3,
  reply: 4,
  data: 5,
  eof: 6,
  ack: 7,
  attach: 8,
  exit: 9,
  exitAck: 10,
  close: 11,
} as const;

export const MORE = 1;
export const MAX_PAYLOAD = 32 * 1024 - 24;
/** Payload of one DATA frame. */
export const DATA_CHUNK = 16 * 1024;
/** How far the host may be ahead of the guest's acknowledgement of a stream into it. */
export const INWARD_WINDOW = 64 * 1024;

const MAGIC = 0x31504d41;
const HEADER = 24;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly session: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function encodeFrame(frame: Frame): Buffer {
  const bytes = Buffer.alloc(HEADER + frame.payload.length);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt8(frame.type, 4);
  bytes.writeUInt8(frame.flags, 5);
  bytes.writeUInt32LE(frame.session, 8);
  bytes.writeUInt32LE(frame.id, 12);
  bytes.writeUInt32LE(frame.payload.length, 16);
  frame.payload.copy(bytes, HEADER);
  bytes.writeUInt32LE(checksum(bytes), 20);
  return bytes;
}

function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(HEADER), crc32(bytes.subarray(0, HEADER - 4)));
}

/**
 * Cuts the guest's bytes into frames. Until the first good frame of its session it skips what an earlier
 * connection left; after that anything malformed is an error, and the guest is not to be trusted any more.
 */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #synchronised = false;
  readonly #session: number;

  constructor(session: number) {
    this.#session = session;
  }

  /** @throws Corrupt for what no well-behaved guest sends. */
  *take(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const frame = this.#synchronised ? this.#next() : this.#search();
      if (frame === undefined) return;
      yield frame;
    }
  }

  #next(): Frame | undefined {
    const bytes = this.#rest;
    if (bytes.length < HEADER) return undefined;
    const length = bytes.readUInt32LE(16);
    if (bytes.readUInt32LE(0) !== MAGIC || length > MAX_PAYLOAD)
      throw new AmphoraError('Corrupt', 'the guest sent a malformed frame');
    if (bytes.length < HEADER + length) return undefined;
    const whole = bytes.subarray(0, HEADER + length);
    if (whole.readUInt32LE(20) !== checksum(whole))
      throw new AmphoraError('Corrupt', 'the guest sent a frame with a wrong checksum');
    this.#rest = bytes.subarray(whole.length);
    return {
      type: whole.readUInt8(4),
      flags: whole.readUInt8(5),
      session: whole.readUInt32LE(8),
      id: whole.readUInt32LE(12),
      payload: whole.subarray(HEADER),
    };
  }

  #search(): Frame | undefined {
    for (;;) {
      const at = this.#rest.indexOf('AMP1');
      if (at < 0) {
        this.#rest = this.#rest.subarray(Math.max(0, this.#rest.length - 3));
        return undefined;
      }
      this.#rest = this.#rest.subarray(at);
      try {
        const frame = this.#next();
        if (frame === undefined) return undefined;
        if (frame.session !== this.#session) continue;
        this.#synchronised = true;
        return frame;
      } catch {
        this.#rest = this.#rest.subarray(1); // A torn frame; the next may be whole.
      }
    }
  }
}
