import type { Readable } from 'node:stream';
import { AmphoraError } from '../../../lib/errors.ts';

/** Control frames we know, by their number: SPDY/3.1 section 2.6. */
export const TYPE = {
  synStream: 1,
  synReply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FIN = 0x01;
const HEADER_BYTES = 8;
const VERSION = 3;
/** Clients send data in pieces of at most 32 KiB, and header blocks far smaller. */
const MAX_FRAME_BYTES = 256 * 1024;

export type SpdyFrame =
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly payload: Buffer }
  | { readonly type: 'control'; readonly kind: number; readonly fin: boolean; readonly payload: Buffer };

/** @throws BadRequest for what is not SPDY/3 or too long. */
export async function* readSpdyFrames(stream: Readable): AsyncGenerator<SpdyFrame> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readUIntBE(5, 3);
      if (length > MAX_FRAME_BYTES) throw new AmphoraError('BadRequest', 'a SPDY frame is too long');
      if (pending.length < HEADER_BYTES + length) break;
      yield frameOf(pending.subarray(0, HEADER_BYTES + length));
      pending = pending.subarray(HEADER_BYTES + length);
    }
  }
}

function frameOf(bytes: Buffer): SpdyFrame {
  const first = bytes.readUInt32BE(0);
  const fin = (bytes.readUInt8(4) & FIN) !== 0;
  const payload = bytes.subarray(HEADER_BYTES);
  if (first < 0x8000_0000) return { type: 'data', stream: first, fin, payload };
  if (((first >>> 16) & 0x7fff) !== VERSION)
    throw new AmphoraError('BadRequest', 'only SPDY/3.1 is understood');
  return { type: 'control', kind: first & 0xffff, fin, payload };
}

export function dataFrame(stream: number, payload: Buffer, fin: boolean): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(stream, 0);
  header.writeUInt8(fin ? FIN : 0, 4);
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

export function controlFrame(kind: number, words: readonly number[], block?: Buffer): Buffer {
  const body = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) body.writeUInt32BE(word, index * 4);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE((0x8000_0000 | (VERSION << 16) | kind) >>> 0, 0);
  header.writeUIntBE(body.length + (block?.length ?? 0), 5, 3);
  return Buffer.concat(block === undefined ? [header, body] : [header, body, block]);
}
