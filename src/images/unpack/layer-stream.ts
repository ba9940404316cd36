import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { AmphoraError } from '../../lib/errors.ts';
import { KIB, LIMITS } from '../../lib/limits.ts';

const GZIP_MAGIC = 0x1f8b;
const ZSTD_MAGIC = 0xfd2fb528;

/** A decompressed layer. `digest` is known once the stream has ended. */
export interface LayerStream {
  readonly stream: Transform;
  /** Most bytes that can come out of it. */
  readonly maxBytes: number;
  /** `sha256:…` of the uncompressed bytes: the diff id. */
  digest(): string;
}

/**
 * Opens a blob and decompresses it by what its first bytes say (gzip, zstd or neither), which media types are known
 * to get wrong. zlib works in libuv's threads; what is hashed here comes in pieces too small to hold up the loop.
 * @throws TooLarge from the stream, once more comes out than any honest compression puts in.
 */
export async function openLayer(path: string): Promise<LayerStream> {
  const { magic, size } = await firstBytes(path);
  const maxBytes = Math.min(LIMITS.imageLayerBytes, LIMITS.imageBombBytes + size * LIMITS.imageBombRatio);
  const meter = new Meter(maxBytes);
  const done = (error: Error | null | undefined) => {
    if (error != null) meter.destroy(error);
  };
  const options = { highWaterMark: 256 * KIB };
  if (magic.readUInt32LE(0) === ZSTD_MAGIC) pipeline(Readable.from(zstdFrames(path, size)), meter, done);
  else if (magic.readUInt16BE(0) === GZIP_MAGIC) {
    pipeline(createReadStream(path, options), createGunzip({ chunkSize: 256 * KIB }), meter, done);
  } else pipeline(createReadStream(path, options), meter, done);
  return { stream: meter, maxBytes, digest: () => meter.digest() };
}

/**
 * All frames of a zstd file, skippable ones too: Node's decompressor ends with the first, and layers made by several
 * threads, or for lazy pulling, have many.
 */
async function* zstdFrames(path: string, size: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < size; ) {
    const frame = createZstdDecompress({ chunkSize: 256 * KIB });
    const source = createReadStream(path, {
      start: offset,
      highWaterMark: offset === 0 ? 256 * KIB : 64 * KIB,
    });
    source.on('error', (error) => frame.destroy(error));
    source.pipe(frame);
    try {
      yield* frame as AsyncIterable<Buffer>;
    } finally {
      source.destroy();
    }
    if (frame.bytesWritten === 0) throw new AmphoraError('Corrupt', `a zstd frame at ${offset} is malformed`);
    offset += frame.bytesWritten;
  }
}

async function firstBytes(path: string): Promise<{ magic: Buffer; size: number }> {
  const file = await open(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    await file.read(magic, 0, 4, 0);
    return { magic, size: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

class Meter extends Transform {
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(maxBytes: number) {
    super({ highWaterMark: 512 * KIB });
    this.#maxBytes = maxBytes;
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      const message = `it unpacks to more than ${this.#maxBytes} bytes: refused as a decompression bomb`;
      done(new AmphoraError('TooLarge', message));
      return;
    }
    this.#hash.update(chunk);
    done(null, chunk);
  }
}
