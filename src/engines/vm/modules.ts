import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { AmphoraError } from '../../lib/errors.ts';
import { run } from '../../lib/run.ts';

/** What a microVM needs; what the kernel has built in is simply not found among the files. */
export const WANTED_MODULES = [
  'virtio_mmio',
  'virtio_console',
  'virtio_blk',
  'virtio_net',
  'erofs',
  'overlay',
  'virtiofs',
] as const;

export interface KernelModule {
  /** `virtio_blk`; a dash in a file name is an underscore here, as the kernel does. */
  readonly name: string;
  readonly data: Buffer;
}

const SUFFIX = /\.ko(\.xz|\.zst)?$/;

/** The wanted modules with all they depend on, each after its dependencies, decompressed. */
export async function collectModules(
  directory: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<readonly KernelModule[]> {
  const files = await findModules(directory);
  const ordered = new Map<string, KernelModule>();
  const visit = async (name: string, path: readonly string[]): Promise<void> => {
    const file = files.get(name);
    if (file === undefined || ordered.has(name)) return;
    if (path.includes(name))
      throw new AmphoraError('Corrupt', `kernel modules depend on each other: ${path.join(', ')}`);
    const data = await readModule(file, signal);
    for (const dependency of dependencies(data)) await visit(dependency, [...path, name]);
    ordered.set(name, { name, data });
  };
  for (const name of wanted) await visit(name, []);
  return [...ordered.values()];
}

async function findModules(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && SUFFIX.test(entry.name))
      found.set(moduleName(entry.name), join(entry.parentPath, entry.name));
  }
  return found;
}

function moduleName(file: string): string {
  return basename(file).replace(SUFFIX, '').replaceAll('-', '_');
}

async function readModule(path: string, signal: AbortSignal): Promise<Buffer> {
  if (path.endsWith('.zst')) return zstdDecompressSync(await readFile(path));
  if (path.endsWith('.xz')) return (await run('xz', ['-dc', path], { signal })).stdout;
  return await readFile(path);
}

/** Reads `depends=` of the `.modinfo` section, whose strings end in NUL; the package has no modules.dep. */
export function dependencies(module: Buffer): readonly string[] {
  const key = Buffer.from('\0depends=');
  const at = module.indexOf(key);
  if (at < 0) return [];
  const end = module.indexOf(0, at + key.length);
  const list = module.toString('latin1', at + key.length, end);
  return list === '' ? [] : list.split(',').map((name) => name.replaceAll('-', '_'));
}
