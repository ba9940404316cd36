import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { KIB, MIB } from '../../lib/limits.ts';
import { type BlobStore, type Descriptor, verify } from '../blob-store.ts';
import type { RegistryClient } from './registry-client.ts';
import { retrying } from './retry.ts';

export interface DownloadOptions {
  readonly client: RegistryClient;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Called with how many bytes there are. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Brings one blob into the store. A broken connection is taken up where it broke, also that of an earlier process.
 * @throws Corrupt when what came is not what was promised; nothing of it stays.
 */
export async function download(
  blob: Descriptor,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<void> {
  const { blobs, clock } = options;
  const path = blobs.partial(blob.digest);
  const part = await PartialFile.open(path);
  try {
    const wasResumed = part.size > 0;
    try {
      await retrying(
        (progressed) => fetchRest(blob, { ...options, part, progressed }, signal),
        clock,
        signal,
      );
    } catch (error) {
      // What an earlier process left may be the fault: one more try, from the start.
      if (!wasResumed || !isCode(error, 'Corrupt')) throw error;
      await part.reset();
      await retrying(
        (progressed) => fetchRest(blob, { ...options, part, progressed }, signal),
        clock,
        signal,
      );
    }
    await blobs.commitVerified(path, blob.digest);
  } catch (error) {
    if (isCode(error, 'Corrupt', 'TooLarge', 'NotFound')) await rm(path, { force: true });
    throw error;
  } finally {
    await part.close();
  }
}

interface Fetching extends DownloadOptions {
  readonly part: PartialFile;
  readonly progressed: () => void;
}

async function fetchRest(blob: Descriptor, options: Fetching, signal: AbortSignal): Promise<void> {
  const { part, client } = options;
  if (part.size > blob.size) await part.reset();
  if (part.size < blob.size || blob.size === 0) {
    const response = await client.blob(blob.digest, part.size, signal);
    if (!startsAt(response, part.size)) await part.reset();
    if (response.statusCode === 416) {
      response.destroy();
      throw new AmphoraError('Unavailable', `the registry refuses to go on with ${blob.digest}`);
    }
    await receive(response, blob, options);
  }
  if (part.size < blob.size) {
    throw new AmphoraError('Unavailable', `the connection ended ${blob.size - part.size} bytes too early`);
  }
  verify({ digest: part.digest(), size: part.size }, blob);
}

async function receive(response: IncomingMessage, blob: Descriptor, options: Fetching): Promise<void> {
  const { part, onBytes, progressed } = options;
  const before = part.size;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (part.size + chunk.length > blob.size) {
        throw new AmphoraError(
          'Corrupt',
          `${blob.digest} is longer than the ${blob.size} bytes it should have`,
        );
      }
      await part.append(chunk);
      if (part.size - before > MIB) progressed();
      onBytes(part.size);
    }
  } catch (error) {
    response.destroy();
    if (error instanceof AmphoraError) throw error;
    const known = AmphoraError.from(error);
    if (known.code === 'OutOfSpace' || known.code === 'Canceled') throw known;
    throw new AmphoraError('Unavailable', `the connection broke: ${known.message}`, { cause: error });
  }
}

function startsAt(response: IncomingMessage, offset: number): boolean {
  if (response.statusCode === 200) return offset === 0;
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  return response.statusCode === 206 && Number(start) === offset;
}

/** A growing file and the hash of what is in it. */
class PartialFile {
  readonly #file: FileHandle;
  #hash: Hash = createHash('sha256');
  size = 0;

  static async open(path: string): Promise<PartialFile> {
    const file = await open(path, 'a+', 0o600);
    const part = new PartialFile(file);
    try {
      for await (const chunk of createReadStream(path, {
        highWaterMark: 256 * KIB,
      }) as AsyncIterable<Buffer>) {
        part.#hash.update(chunk);
        part.size += chunk.length;
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    return part;
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  async append(chunk: Buffer): Promise<void> {
    await this.#file.appendFile(chunk);
    this.#hash.update(chunk);
    this.size += chunk.length;
  }

  async reset(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.size = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
