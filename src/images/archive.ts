import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AmphoraError } from '../lib/errors.ts';
import { KIB, LIMITS } from '../lib/limits.ts';
import { openInRoot } from '../lib/syscalls/files.ts';
import { isErrno } from '../lib/syscalls/libc.ts';
import { type BlobStore, type Descriptor, sha256, verify } from './blob-store.ts';
import type { ImageRecord } from './catalog.ts';
import {
  choosePlatform,
  type IndexEntry,
  type Manifest,
  object,
  objects,
  type Platform,
  parseManifest,
  strings,
} from './documents.ts';
import { toRecord } from './image-record.ts';
import type { PullProgress } from './images.ts';
import { hexOf } from './store-paths.ts';
import { openLayer } from './unpack/layer-stream.ts';
import { type UnpackerConfig, unpackTar } from './unpack/unpacker.ts';

export interface ArchiveWork {
  readonly blobs: BlobStore;
  readonly unpacker: UnpackerConfig;
  readonly platform: Platform;
  readonly onProgress: (progress: PullProgress) => void;
}

export interface FoundImage {
  readonly record: ImageRecord;
  /** As the archive has them, not yet normalised. */
  readonly names: readonly string[];
}

/** Reads an OCI layout or a docker archive; a tar is first unpacked by the child, as a layer is. */
export async function readArchive(
  path: string,
  work: ArchiveWork,
  signal: AbortSignal,
): Promise<readonly FoundImage[]> {
  const status = await stat(path).catch((error: unknown) => {
    throw new AmphoraError('NotFound', `there is no archive ${path}`, { cause: error });
  });
  if (status.isDirectory()) return readFolder(path, work, signal);
  const folder = work.blobs.temporary();
  await mkdir(folder, { mode: 0o700 });
  try {
    const source = await openLayer(path);
    const options = { directory: folder, isPlain: true, maxBytes: source.maxBytes, config: work.unpacker };
    await unpackTar(source.stream, options, signal);
    return await readFolder(folder, work, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readFolder(
  folder: string,
  work: ArchiveWork,
  signal: AbortSignal,
): Promise<readonly FoundImage[]> {
  const root = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const archive = new ArchiveFolder(root, work);
    // New docker archives are layouts too, but only this file has the whole names.
    const docker = archive.document('manifest.json');
    if (docker !== undefined) return await readDocker(docker, { archive, work, signal });
    const index = archive.document('index.json');
    if (index !== undefined) return await readLayout(index, { archive, work, signal });
    throw new AmphoraError(
      'BadRequest',
      'neither index.json (OCI layout) nor manifest.json (docker save) is in it',
    );
  } finally {
    closeSync(root);
  }
}

interface Reading {
  readonly archive: ArchiveFolder;
  readonly work: ArchiveWork;
  readonly signal: AbortSignal;
}

/** https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
async function readLayout(data: Buffer, reading: Reading): Promise<readonly FoundImage[]> {
  const index = parseManifest(data);
  if (index.kind !== 'index') throw new AmphoraError('Corrupt', 'index.json is no index');
  const found: FoundImage[] = [];
  for (const entries of groupByName(index.manifests).values()) {
    const entry = choosePlatform(
      entries.length > 1 ? entries : withoutPlatform(entries),
      reading.work.platform,
    );
    const manifest = resolve(entry, reading);
    const config = reading.archive.verified(manifest.config);
    for (const layer of manifest.layers)
      await reading.archive.copy(blobPath(layer.digest), layer, reading.signal);
    await reading.work.blobs.write(config);
    const parts = { configDigest: manifest.config.digest, config, layers: manifest.layers };
    found.push({ record: toRecord(parts, reading.work.platform), names: nameIn(entry) });
  }
  return found;
}

function resolve(entry: IndexEntry, reading: Reading): Manifest {
  let document = parseManifest(reading.archive.verified(entry));
  for (let depth = 0; document.kind === 'index'; depth++) {
    if (depth === 3) throw new AmphoraError('Corrupt', 'an index of an index of an index');
    document = parseManifest(
      reading.archive.verified(choosePlatform(document.manifests, reading.work.platform)),
    );
  }
  return document;
}

/** What bears the same name is one image for several platforms. */
function groupByName(entries: readonly IndexEntry[]): Map<string, IndexEntry[]> {
  return Map.groupBy(entries, (entry) => nameIn(entry)[0] ?? '');
}

/** A lone entry is taken for what it is; its configuration says what it is made for. */
function withoutPlatform(entries: readonly IndexEntry[]): IndexEntry[] {
  return entries.map((entry) => ({ ...entry, platform: undefined }));
}

function nameIn(entry: IndexEntry): string[] {
  const name =
    entry.annotations['io.containerd.image.name'] ?? entry.annotations['org.opencontainers.image.ref.name'];
  return name === undefined ? [] : [name];
}

/** https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format */
async function readDocker(data: Buffer, reading: Reading): Promise<readonly FoundImage[]> {
  const found: FoundImage[] = [];
  for (const entry of objects(parseList(data))) {
    const config = typeof entry.Config === 'string' ? reading.archive.document(entry.Config) : undefined;
    if (config === undefined)
      throw new AmphoraError('Corrupt', 'manifest.json names a configuration that is not in it');
    const layers: Descriptor[] = [];
    for (const path of strings(entry.Layers).slice(0, LIMITS.imageLayers + 1)) {
      layers.push(await reading.archive.copy(path, undefined, reading.signal));
    }
    const parts = { configDigest: sha256(config), config, layers };
    const record = toRecord(parts, reading.work.platform);
    await reading.work.blobs.write(config);
    found.push({ record, names: strings(entry.RepoTags) });
  }
  return found;
}

function parseList(data: Buffer): unknown {
  // Wrapped so that the one parser, which wants objects, can be used.
  return object(JSON.parse(`{"list":${data.toString('utf8')}}`)).list;
}

/** Files of an archive, opened so that no link in it leads out of it. */
class ArchiveFolder {
  readonly #root: number;
  readonly #work: ArchiveWork;

  constructor(root: number, work: ArchiveWork) {
    this.#root = root;
    this.#work = work;
  }

  /** A small file, whole; undefined when there is none. */
  document(path: string): Buffer | undefined {
    const descriptor = this.#open(path);
    if (descriptor === undefined) return undefined;
    try {
      const { size } = fstatSync(descriptor);
      if (size > LIMITS.imageDocumentBytes) throw new AmphoraError('TooLarge', `${path} has ${size} bytes`);
      return readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  verified(expected: Descriptor): Buffer {
    const data = this.document(blobPath(expected.digest));
    if (data === undefined) throw new AmphoraError('Corrupt', `${expected.digest} is not in the archive`);
    verify({ digest: sha256(data), size: data.length }, expected);
    return data;
  }

  /** Copies a layer into the store while hashing it. @throws Corrupt when it is not what was expected. */
  async copy(path: string, expected: Descriptor | undefined, signal: AbortSignal): Promise<Descriptor> {
    const { blobs, onProgress } = this.#work;
    const descriptor = this.#open(path);
    if (descriptor === undefined) throw new AmphoraError('Corrupt', `layer ${path} is not in the archive`);
    const total = fstatSync(descriptor).size;
    const layer = expected?.digest ?? path;
    const hash = createHash('sha256');
    let bytes = 0;
    const meter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        hash.update(chunk);
        bytes += chunk.length;
        onProgress({ layer, phase: 'downloading', bytes, totalBytes: total });
        done(null, chunk);
      },
    });
    const temporary = blobs.temporary();
    try {
      const source = createReadStream('', { fd: descriptor, highWaterMark: 256 * KIB });
      await pipeline(source, meter, createWriteStream(temporary, { flags: 'wx', mode: 0o600 }), { signal });
      const found = { digest: `sha256:${hash.digest('hex')}`, size: bytes };
      if (expected !== undefined) verify(found, expected);
      await blobs.commitVerified(temporary, found.digest);
      onProgress({ layer, phase: 'done', bytes, totalBytes: total });
      return found;
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  #open(path: string): number | undefined {
    try {
      const descriptor = openInRoot(this.#root, path, constants.O_RDONLY | constants.O_NONBLOCK);
      if (fstatSync(descriptor).isFile()) return descriptor;
      closeSync(descriptor);
      throw new AmphoraError('Corrupt', `${path} in the archive is no regular file`);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      if (isErrno(error, 'ELOOP', 'ENAMETOOLONG', 'EINVAL', 'ENXIO')) {
        throw new AmphoraError('Corrupt', `${path} in the archive cannot be opened`, { cause: error });
      }
      throw error;
    }
  }
}

function blobPath(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
