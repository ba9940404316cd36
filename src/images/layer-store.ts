import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { LIMITS } from '../lib/limits.ts';
import { fchmod, fsetxattr, openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../lib/syscalls/files.ts';
import { isErrno } from '../lib/syscalls/libc.ts';
import { type BlobStore, sha256 } from './blob-store.ts';
import type { ImageRecord } from './catalog.ts';
import { forEachLimited } from './for-each-limited.ts';
import { SingleFlight } from './single-flight.ts';
import { hexOf, type StorePaths } from './store-paths.ts';
import { openLayer } from './unpack/layer-stream.ts';
import type { TreeReport } from './unpack/tree-writer.ts';
import { type UnpackerConfig, unpackTar } from './unpack/unpacker.ts';

const REAL_DIRECTORY = {
  flags: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
};

/**
 * Unpacked layers, one directory for each chain of diff ids, shared by the images that begin alike. A directory is
 * renamed into place when it is whole, so that one that is there is whole. Whiteouts are in overlayfs's own form:
 * character devices 0/0, and `trusted.overlay.opaque`.
 */
export class LayerStore {
  readonly #paths: StorePaths;
  readonly #blobs: BlobStore;
  readonly #unpacker: UnpackerConfig;
  readonly #flights = new SingleFlight<void>();

  constructor(paths: StorePaths, options: { blobs: BlobStore; unpacker: UnpackerConfig }) {
    this.#paths = paths;
    this.#blobs = options.blobs;
    this.#unpacker = options.unpacker;
  }

  /** Unpacks what is missing of an image. Returns the directories, topmost first. */
  async ensure(record: ImageRecord, signal: AbortSignal): Promise<readonly string[]> {
    const chains = chainIds(record);
    // From the bottom up, a few at once: starting a child takes longer than unpacking a small layer.
    await forEachLimited([...chains.keys()], { limit: LIMITS.imageUnpackParallel, signal }, (index, shared) =>
      this.#ensureLayer({ record, index }, shared),
    );
    return chains.map((chain) => this.directory(chain)).reverse();
  }

  directory(chain: string): string {
    return join(this.#paths.layers, shortName(chain));
  }

  /** Removes every layer that is not of these chains, and what a crash left. */
  async keepOnly(chains: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...chains].map(shortName));
    for (const name of await readdir(this.#paths.layers)) {
      if (!kept.has(name.replace(/\.chain$/, ''))) {
        await rm(join(this.#paths.layers, name), { recursive: true, force: true });
      }
    }
  }

  async #ensureLayer(work: LayerWork, signal: AbortSignal): Promise<void> {
    const chain = chainIds(work.record)[work.index];
    if (chain === undefined) return;
    await this.#flights.run(chain, (shared) => this.#make(chain, work, shared), signal);
  }

  async #make(chain: string, work: LayerWork, signal: AbortSignal): Promise<void> {
    const directory = this.directory(chain);
    const label = `${directory}.chain`;
    if (await isDirectory(directory)) {
      if ((await readFile(label, 'utf8')) === chain) return;
      throw new AmphoraError('Corrupt', `${directory} belongs to another chain of layers than ${chain}`);
    }
    const temporary = join(this.#paths.layers, `${shortName(chain)}.${randomBytes(4).toString('hex')}.tmp`);
    try {
      await mkdir(temporary, { mode: 0o755 });
      await this.#unpack(work, temporary, signal);
      await writeFileAtomic(label, chain, 0o600);
      await rename(temporary, directory);
      await syncDirectory(this.#paths.layers);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      signal.throwIfAborted();
      throw AmphoraError.during(`unpacking layer ${work.record.layers[work.index]?.digest}`, error);
    }
  }

  async #unpack(work: LayerWork, directory: string, signal: AbortSignal): Promise<void> {
    const { record, index } = work;
    const layer = record.layers[index];
    if (layer === undefined) return;
    const source = await openLayer(this.#blobs.path(layer.digest));
    const options = { directory, isPlain: false, maxBytes: source.maxBytes, config: this.#unpacker };
    const report = await unpackTar(source.stream, options, signal);
    const diffId = source.digest();
    if (diffId !== layer.diffId) {
      throw new AmphoraError('Corrupt', `it unpacks to ${diffId}, but the image says ${layer.diffId}`);
    }
    // What this one only passes through looks as below, so below must be there; mostly it is under way.
    if (index > 0) await this.#ensureLayer({ record, index: index - 1 }, signal);
    const lower = chainIds(record).slice(0, index).reverse();
    applyReport(
      directory,
      report,
      lower.map((chain) => this.directory(chain)),
    );
  }
}

interface LayerWork {
  readonly record: ImageRecord;
  /** Counted from the bottom. */
  readonly index: number;
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid */
export function chainIds(record: ImageRecord): readonly string[] {
  const chains: string[] = [];
  for (const { diffId } of record.layers) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  return chains;
}

/** Half of a digest is enough to tell chains apart; a `.chain` file beside it holds the whole. */
export function shortName(chain: string): string {
  return hexOf(chain).slice(0, 32);
}

/**
 * Does what the child has no right to. Its words are those of a stranger: every path is resolved inside the layer,
 * without links.
 */
function applyReport(directory: string, report: TreeReport, lower: readonly string[]): void {
  const root = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const path of report.opaque) {
      withDirectory(root, path, (descriptor) => {
        fsetxattr(descriptor, 'trusted.overlay.opaque', Buffer.from('y'));
      });
    }
    for (const path of report.implied) inheritOwner(root, path, lower);
  } finally {
    closeSync(root);
  }
}

/** A directory that this layer only passes through looks as it does below. */
function inheritOwner(root: number, path: string, lower: readonly string[]): void {
  for (const directory of lower) {
    const below = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const found = withDirectory(below, path, (descriptor) => fstatSync(descriptor));
      if (found === undefined) continue;
      withDirectory(root, path, (descriptor) => {
        fchownSync(descriptor, found.uid, found.gid);
        fchmod(descriptor, found.mode & 0o7777);
      });
      return;
    } finally {
      closeSync(below);
    }
  }
}

function withDirectory<T>(root: number, path: string, use: (descriptor: number) => T): T | undefined {
  let descriptor: number;
  try {
    descriptor = openat2(root, Buffer.from(path || '.', 'latin1'), REAL_DIRECTORY);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV', 'EINVAL')) return undefined;
    throw error;
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return false; // Node puts `code` there.
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
