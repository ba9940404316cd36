import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { FORMAT, keyOfObject, objectKey } from './layout.ts';
import { type Report, reported, type StoreSnapshot } from './snapshot.ts';
import type { StoredObject } from './store.ts';

/**
 * A backup: one zstd stream (RFC 8878) with a checksum, of
 *
 *     header      one line of JSON
 *     objects     key length (4) · length (4) · revision (8) · key · bytes, in order of revision
 *     end         all ones (4) · SHA-256 of everything before (32)
 */
const END = 0xffff_ffff;
const HEAD_BYTES = 16;
const DIGEST_BYTES = 32;
const MAX_HEADER_BYTES = 4096;
const MAX_KEY_BYTES = 4096;

interface Header {
  readonly format: 'amphora-backup';
  readonly version: 1;
  /** Of the keys in the store. */
  readonly layout: number;
  readonly source: string;
  readonly revision: number;
  readonly objects: number;
}

/**
 * Writes a backup that only its owner can read; `path` names the old one, or none, until the new one is whole and on the disk.
 * @returns its size in bytes
 */
export async function writeBackup(
  path: string,
  snapshot: StoreSnapshot,
  { signal, report }: { readonly signal: AbortSignal; readonly report: Report },
): Promise<number> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    const objects = reported(snapshot.objects(signal), snapshot.count, report);
    const compress = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    const write = async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await file.writeFile(chunk);
    };
    await pipeline(Readable.from(encode(snapshot, objects)), compress, write, { signal });
    await file.sync();
    const { size } = await file.stat();
    await rename(temporary, path);
    await syncDirectory(dirname(path));
    return size;
  } catch (error) {
    await rm(temporary, { force: true });
    throw AmphoraError.during(`writing ${path}`, error);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory: FileHandle = await open(path, 'r');
  await directory.sync();
  await directory.close();
}

async function* encode(
  { source, revision, count }: StoreSnapshot,
  objects: AsyncIterable<StoredObject>,
): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  const header: Header = {
    format: 'amphora-backup',
    version: 1,
    layout: FORMAT,
    source,
    revision,
    objects: count,
  };
  const first = Buffer.from(`${JSON.stringify(header)}\n`);
  digest.update(first);
  yield first;
  for await (const object of objects) {
    const key = objectKey(object.key);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(key.length, 0);
    head.writeUInt32BE(object.bytes.length, 4);
    head.writeBigUInt64BE(BigInt(object.revision), 8);
    const record = Buffer.concat([head, key, object.bytes]);
    digest.update(record);
    yield record;
  }
  const end = Buffer.alloc(4);
  end.writeUInt32BE(END);
  yield Buffer.concat([end, digest.update(end).digest()]);
}

/** Opens a backup. What it holds is checked as it is read: who must know before it acts reads it twice. @throws Corrupt, NotFound */
export async function openBackup(path: string): Promise<StoreSnapshot> {
  const reader = new BackupReader(path);
  const { revision, objects: count } = await reader.header();
  await reader.close();
  return {
    source: 'backup',
    revision,
    count,
    newestObject: 0,
    objects: (signal) => readObjects(path, signal),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* readObjects(path: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  const reader = new BackupReader(path);
  try {
    const header = await reader.header();
    let count = 0;
    let newest = 0;
    for (let object = await reader.next(); object !== undefined; object = await reader.next()) {
      signal.throwIfAborted();
      if (object.revision < newest || object.revision > header.revision)
        throw corrupt(path, `revision ${object.revision} stands behind ${newest}`);
      newest = object.revision;
      count += 1;
      yield object;
    }
    if (count !== header.objects) throw corrupt(path, `it has ${count} objects, not ${header.objects}`);
  } finally {
    await reader.close();
  }
}

/** Reads a backup from its begin to its end, and hashes what it has read. */
class BackupReader {
  readonly #path: string;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #stream: Transform;
  readonly #digest = createHash('sha256');
  #buffer: Buffer = Buffer.alloc(0);
  #reading: Promise<void>;

  constructor(path: string) {
    this.#path = path;
    this.#stream = createZstdDecompress();
    this.#reading = pipeline(createReadStream(path), this.#stream);
    this.#reading.catch(() => {}); // Whoever reads the stream hears of it.
    this.#chunks = this.#stream[Symbol.asyncIterator]();
  }

  async header(): Promise<Header> {
    await this.#fill(MAX_HEADER_BYTES, { orLess: true });
    const end = this.#buffer.subarray(0, MAX_HEADER_BYTES).indexOf(0x0a);
    const header = parseHeader(this.#buffer.subarray(0, Math.max(0, end)));
    if (header === undefined) throw corrupt(this.#path, 'it does not begin as a backup does');
    if (header.version !== 1 || header.layout > FORMAT)
      throw new AmphoraError('HostLacks', `${this.#path} was written by a newer Amphora: use that one`);
    this.#digest.update(this.#take(end + 1));
    return header;
  }

  /** Undefined at the end, which was found to be as it should. */
  async next(): Promise<StoredObject | undefined> {
    await this.#fill(4);
    const keyLength = this.#buffer.readUInt32BE(0);
    if (keyLength === END) return await this.#end();
    await this.#fill(HEAD_BYTES);
    const length = this.#buffer.readUInt32BE(4);
    const revision = Number(this.#buffer.readBigUInt64BE(8));
    if (keyLength > MAX_KEY_BYTES || length > LIMITS.objectBytes || !Number.isSafeInteger(revision))
      throw corrupt(this.#path, 'an object is larger than any can be');
    await this.#fill(HEAD_BYTES + keyLength + length);
    const record = this.#take(HEAD_BYTES + keyLength + length);
    this.#digest.update(record);
    const key = keyOfObject(record.subarray(HEAD_BYTES, HEAD_BYTES + keyLength));
    return { key, revision, bytes: Buffer.from(record.subarray(HEAD_BYTES + keyLength)) };
  }

  async close(): Promise<void> {
    this.#stream.destroy();
    await this.#reading.catch(() => {}); // It was cut off, or somebody has heard.
  }

  async #end(): Promise<undefined> {
    await this.#fill(4 + DIGEST_BYTES);
    this.#digest.update(this.#take(4));
    if (!this.#digest.digest().equals(this.#take(DIGEST_BYTES)))
      throw corrupt(this.#path, 'its checksum is wrong');
    await this.#fill(1, { orLess: true });
    if (this.#buffer.length > 0) throw corrupt(this.#path, 'something follows its end');
    return undefined;
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #fill(length: number, { orLess = false } = {}): Promise<void> {
    if (this.#buffer.length >= length) return;
    const chunks = [this.#buffer];
    let have = this.#buffer.length;
    while (have < length) {
      const { done, value } = await this.#chunks.next().catch((error: unknown) => {
        throw this.#failed(error);
      });
      if (done === true) break;
      chunks.push(value);
      have += value.length;
    }
    this.#buffer = Buffer.concat(chunks);
    if (have < length && !orLess) throw corrupt(this.#path, 'it is cut off');
  }

  #failed(error: unknown): AmphoraError {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT')
      return new AmphoraError('NotFound', `there is no file ${this.#path}`, { cause: error });
    if (code.startsWith('E') && !code.startsWith('ERR_'))
      return AmphoraError.during(`reading ${this.#path}`, error);
    return corrupt(this.#path, error instanceof Error ? error.message : String(error));
  }
}

function parseHeader(line: Buffer): Header | undefined {
  try {
    const header = JSON.parse(line.toString('utf8')) as Header; // Looked at before it is believed.
    const numbers = [header.version, header.layout, header.revision, header.objects];
    if (header.format !== 'amphora-backup' || !numbers.every(Number.isSafeInteger)) return undefined;
    return header;
  } catch {
    return undefined;
  }
}

function corrupt(path: string, what: string): AmphoraError {
  return new AmphoraError('Corrupt', `${path} is no whole backup: ${what}`);
}
