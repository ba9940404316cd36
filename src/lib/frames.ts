import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { AmphoraError } from './errors.ts';
import { LIMITS } from './limits.ts';
import { readChunks } from './read-chunks.ts';

/** Channels of a process's streams, those of `v5.channel.k8s.io`: docs/designs/node-tunnel.md. */
export const CHANNEL = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** The final `Status` as JSON: once, last. */
  status: 3,
  /** `{"Width":80,"Height":24}` */
  resize: 4,
  /** Half-close of the channel named by the one payload byte. */
  close: 255,
} as const;

export interface Frame {
  readonly channel: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 5;

/** One frame, or several when the payload is larger than one may carry. */
export function encodeFrame(channel: number, payload: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  do {
    const piece = payload.subarray(at, at + LIMITS.frameBytes);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(channel, 0);
    header.writeUInt32BE(piece.length, 1);
    parts.push(header, piece);
    at += piece.length;
  } while (at < payload.length);
  return Buffer.concat(parts);
}

/** Writes a frame and waits until there is room for more. @throws Canceled when the stream has ended. */
export async function writeFrame(stream: Writable, frame: Frame, signal?: AbortSignal): Promise<void> {
  if (stream.destroyed || stream.writableEnded)
    throw new AmphoraError('Canceled', 'the other side closed the stream');
  if (stream.write(encodeFrame(frame.channel, frame.payload))) return;
  const ended = new AbortController();
  const abort = () => ended.abort();
  stream.once('close', abort);
  try {
    await once(stream, 'drain', {
      signal: signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]),
    });
  } catch (error) {
    throw new AmphoraError('Canceled', 'the other side closed the stream', { cause: error });
  } finally {
    stream.off('close', abort);
  }
}

/** The frames of a stream until it ends; leaving the loop early does not destroy the stream. @throws Corrupt for one that is too long or cut off. */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame> {
  let pending: Buffer = Buffer.alloc(0);
  // Whoever stops reading at the last frame may still have something to write.
  for await (const chunk of readChunks(stream)) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readUInt32BE(1);
      if (length > LIMITS.frameBytes)
        throw new AmphoraError('Corrupt', `a frame of ${length} bytes is longer than ${LIMITS.frameBytes}`);
      const end = HEADER_BYTES + length;
      if (pending.length < end) break;
      yield { channel: pending.readUInt8(0), payload: pending.subarray(HEADER_BYTES, end) };
      pending = pending.subarray(end);
    }
  }
  if (pending.length > 0) throw new AmphoraError('Corrupt', 'the stream ended inside a frame');
}
