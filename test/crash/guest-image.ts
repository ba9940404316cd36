import { chmod, copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { writeCpio } from '../../src/engines/vm/cpio.ts';
import type { GuestKernel } from '../../src/engines/vm/kernel.ts';
import { collectModules } from '../../src/engines/vm/modules.ts';
import { run } from '../../src/lib/run.ts';
import { openLmdbStore } from '../../src/store/lmdb.ts';
import type { Change } from '../../src/store/store.ts';
import { BASE, BASE_COMMIT, BASE_OBJECTS, keyOf, MODES, makeValue } from './protocol.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MODULES = ['virtio_mmio', 'virtio_console', 'virtio_blk'];
const DIRECTORY = 0o40755;
const DATA_SIZE = '64M';

export interface GuestImage {
  readonly kernel: string;
  readonly initramfs: string;
  /** Read only: Node.js, lmdb and the program. */
  readonly root: string;
  /** Where the stores are. */
  readonly data: string;
}

/** Makes everything a guest starts from, in `directory`. */
export async function makeGuestImage(
  kernel: GuestKernel,
  directory: string,
  signal: AbortSignal,
): Promise<GuestImage> {
  const initramfs = join(directory, 'initramfs');
  const root = join(directory, 'root.img');
  await writeFile(initramfs, await makeInitramfs(kernel, signal));
  const tree = join(directory, 'tree');
  await fillTree(tree);
  const bytes = Number((await run('du', ['-sxB1', tree], { signal })).stdout.toString().split('\t')[0]);
  const size = `${Math.ceil((bytes * 1.1) / 1024 / 1024) + 16}M`;
  await run('mkfs.ext4', ['-qF', '-O', '^has_journal', '-d', tree, root, size], { signal });
  return { kernel: kernel.image, initramfs, root, data: await makeData(directory, signal) };
}

/** A file system with a store for each mode, all alike and with a history. */
async function makeData(directory: string, signal: AbortSignal): Promise<string> {
  const tree = join(directory, 'data');
  for (const mode of MODES) await fillStore(join(tree, mode, 'store'), signal);
  const path = join(directory, 'data.img');
  // Everything is initialized now, so that no kernel thread of the guest does it while the clock of a round runs.
  const features = ['-E', 'lazy_itable_init=0,lazy_journal_init=0', '-J', 'size=4'];
  await run('mkfs.ext4', ['-qF', ...features, '-d', tree, path, DATA_SIZE], { signal });
  return path;
}

async function fillStore(directory: string, signal: AbortSignal): Promise<void> {
  const store = await openLmdbStore(directory);
  for (let from = 0; from < BASE_OBJECTS; from += BASE_COMMIT) {
    const changes = Array.from({ length: BASE_COMMIT }, (_, index): Change => {
      const origin = { writer: BASE, sequence: from / BASE_COMMIT + 1, of: BASE_COMMIT };
      return { key: keyOf(BASE, String(from + index)), bytes: makeValue(origin, 40), expected: 0 };
    });
    await store.commit(changes, signal);
  }
  await store.close();
}

async function makeInitramfs(kernel: GuestKernel, signal: AbortSignal): Promise<Buffer> {
  const modules = await collectModules(kernel.modules, MODULES, signal);
  const empty = new Uint8Array();
  const names = modules.map(({ name }) => `${name}.ko\n`).join('');
  return writeCpio([
    ...['bin', 'dev', 'proc', 'sys', 'root', 'modules'].map((path) => ({
      path,
      mode: DIRECTORY,
      data: empty,
    })),
    { path: 'bin/busybox', mode: 0o100755, data: await readFile('/bin/busybox') },
    { path: 'init', mode: 0o100755, data: await readFile(join(import.meta.dirname, 'guest/init.sh')) },
    { path: 'modules/list', mode: 0o100644, data: Buffer.from(names) },
    ...modules.map(({ name, data }) => ({ path: `modules/${name}.ko`, mode: 0o100644, data })),
  ]);
}

async function fillTree(tree: string): Promise<void> {
  for (const name of ['bin', 'app', 'data', 'dev', 'proc', 'sys', 'tmp'])
    await mkdir(join(tree, name), { recursive: true });
  const node = join(tree, 'bin/node');
  await copyFile(process.execPath, node);
  await chmod(node, 0o755);
  for (const library of await librariesOf(process.execPath)) {
    await mkdir(join(tree, dirname(library)), { recursive: true });
    await copyFile(library, join(tree, library));
  }
  for (const name of await closureOf(['lmdb', '@lmdb/lmdb-linux-x64'])) {
    const from = join(ROOT, 'node_modules', name);
    await cp(from, join(tree, 'app/node_modules', name), { recursive: true, dereference: true });
  }
  await bundle(join(tree, 'app/writer.mjs'));
}

/** The shared libraries of a program and its loader, by absolute path. */
async function librariesOf(program: string): Promise<string[]> {
  const said = (await run('ldd', [program])).stdout.toString();
  return [...said.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []);
}

async function closureOf(packages: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const waiting = [...packages];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    // npm checked its form when it installed the package.
    const { dependencies } = JSON.parse(text) as { dependencies?: Record<string, string> };
    waiting.push(...Object.keys(dependencies ?? {}));
  }
  return found;
}

/** Our store and the program; `lmdb` goes through the wrapper that can be told not to flush. */
async function bundle(outfile: string): Promise<void> {
  const wrapper = join(import.meta.dirname, 'guest/lmdb.ts');
  await build({
    entryPoints: [join(import.meta.dirname, 'guest/writer.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
    plugins: [
      {
        name: 'lmdb',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^lmdb$/ }, ({ importer }) =>
            importer === wrapper ? { path: 'lmdb', external: true } : { path: wrapper },
          ),
      },
    ],
  });
}
