import { access, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { programFile } from '../lib/program-files.ts';
import { run, tryRun } from '../lib/run.ts';
import type { BlobStore } from './blob-store.ts';
import { shortName } from './layer-store.ts';
import type { MergeOptions } from './merge-child.ts';
import { SingleFlight } from './single-flight.ts';
import { hexOf, type StorePaths } from './store-paths.ts';

export interface BlockStoreOptions {
  readonly blobs: BlobStore;
  /** Program and arguments that start `merge-child`; the runtime and the source file beside this one by default. */
  readonly command?: readonly [string, ...string[]];
}

/** Whole roots as erofs files, one for each chain of layers; uncompressed, so that any Linux since 5.4 reads them. */
export class BlockStore {
  readonly #paths: StorePaths;
  readonly #options: BlockStoreOptions;
  readonly #flights = new SingleFlight<string>();

  constructor(paths: StorePaths, options: BlockStoreOptions) {
    this.#paths = paths;
    this.#options = options;
  }

  /**
   * @param directories the layers of the chain, topmost first.
   * @throws HostLacks when mkfs.erofs is missing, OutOfSpace.
   */
  async ensure(chain: string, directories: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#flights.run(chain, (shared) => this.#make(chain, directories, shared), signal);
  }

  async keepOnly(chains: ReadonlySet<string>): Promise<void> {
    const kept = new Set([...chains].map(fileName));
    for (const name of await readdir(this.#paths.blocks)) {
      if (!kept.has(name)) await rm(join(this.#paths.blocks, name), { force: true });
    }
  }

  async #make(chain: string, directories: readonly string[], signal: AbortSignal): Promise<string> {
    const path = join(this.#paths.blocks, fileName(chain));
    if (await exists(path)) return path;
    await this.#requireTool();
    const temporary = this.#options.blobs.temporary();
    try {
      await this.#merge({ directories, output: temporary, uuid: uuidOf(chain) }, signal);
      await flush(temporary);
      await rename(temporary, path);
      await flush(this.#paths.blocks);
    } catch (error) {
      await rm(temporary, { force: true });
      signal.throwIfAborted();
      throw AmphoraError.during('making a block image', error);
    }
    return path;
  }

  async #merge(options: MergeOptions, signal: AbortSignal): Promise<void> {
    const entry = programFile('images/merge-child');
    const command = this.#options.command ?? [process.execPath, entry];
    const args = ['--mount', '--net', '--', ...command, JSON.stringify(options)];
    await run('unshare', args, { signal, timeoutMs: LIMITS.imageBlockMs });
  }

  async #requireTool(): Promise<void> {
    try {
      await tryRun('mkfs.erofs', ['--help']);
    } catch (error) {
      throw new AmphoraError('HostLacks', 'mkfs.erofs is not installed: install the package erofs-utils', {
        cause: error,
      });
    }
  }
}

function fileName(chain: string): string {
  return `${shortName(chain)}.erofs`;
}

function uuidOf(chain: string): string {
  const hex = hexOf(chain);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
