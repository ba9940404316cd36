import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, chown, type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { KIB, LIMITS } from '../lib/limits.ts';
import { hexOf, type StorePaths } from './store-paths.ts';

/** What content must turn out to be. */
export interface Descriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** Content under its digest. What is in `blobs/` is whole and verified; everything else is in `ingest/`. */
export class BlobStore {
  readonly #paths: StorePaths;

  constructor(paths: StorePaths) {
    this.#paths = paths;
  }

  path(digest: string): string {
    return join(this.#paths.blobs, hexOf(digest));
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined;
  }

  async size(digest: string): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** A small document, whole. @throws NotFound, TooLarge */
  async read(digest: string): Promise<Buffer> {
    const size = await this.size(digest);
    if (size === undefined) throw new AmphoraError('NotFound', `content ${digest} is not present`);
    if (size > LIMITS.imageDocumentBytes)
      throw new AmphoraError('TooLarge', `document ${digest} has ${size} bytes`);
    return readFile(this.path(digest));
  }

  /** Stores a small document and says its digest. */
  async write(data: Buffer): Promise<string> {
    const digest = sha256(data);
    if (await this.has(digest)) return digest;
    const temporary = this.temporary();
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(data);
    } finally {
      await file.close();
    }
    await this.commit(temporary, { digest, size: data.length });
    return digest;
  }

  /** A new path in `ingest/`, removed at the next start if it is still there. */
  temporary(): string {
    return join(this.#paths.ingest, `${randomBytes(8).toString('hex')}.tmp`);
  }

  /** Where a download is collected, so that a later try can go on. */
  partial(digest: string): string {
    return join(this.#paths.ingest, `${hexOf(digest)}.partial`);
  }

  /**
   * Moves a finished file in, after reading it through. The file is removed if it is not what it should be.
   * @throws Corrupt
   */
  async commit(file: string, expected: Descriptor): Promise<void> {
    try {
      const found = await hashFile(file);
      verify(found, expected);
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    await this.commitVerified(file, expected.digest);
  }

  /** Moves in a file whose content the caller has hashed itself. */
  async commitVerified(file: string, digest: string): Promise<void> {
    await chown(file, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await chmod(file, 0o600);
    await sync(file, 'r');
    await rename(file, this.path(digest));
    await sync(this.#paths.blobs, 'r');
  }

  /** Removes everything that is not of these digests. */
  async keepOnly(digests: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#paths.blobs)) {
      if (!digests.has(`sha256:${name}`)) await rm(join(this.#paths.blobs, name), { force: true });
    }
  }
}

/** @throws Corrupt naming both */
export function verify(found: Descriptor, expected: Descriptor): void {
  if (found.size !== expected.size) {
    throw new AmphoraError(
      'Corrupt',
      `${expected.digest} has ${found.size} bytes instead of ${expected.size}`,
    );
  }
  if (found.digest !== expected.digest) {
    throw new AmphoraError('Corrupt', `content that should be ${expected.digest} is ${found.digest}`);
  }
}

export function sha256(data: Buffer | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

export async function hashFile(path: string): Promise<Descriptor> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * KIB }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

async function sync(path: string, flags: string): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags);
    await file.sync();
  } finally {
    await file?.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT'; // Node puts `code` there.
}
