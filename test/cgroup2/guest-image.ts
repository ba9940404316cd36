import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { GuestKernel } from '../../src/engines/vm/kernel.ts';
import { run } from '../../src/lib/run.ts';
import { makeInitramfs } from '../guest/initramfs.ts';
import { installBusybox, installPackages, installPrograms } from '../guest/tree.ts';

const MODULES = ['virtio_mmio', 'virtio_console', 'virtio_blk', 'erofs', 'overlay'];
const FOLDERS = ['dev', 'etc', 'proc', 'sys', 'tmp', 'run', 'var', 'root'];
const NATIVE = ['koffi', '@koromix/koffi-linux-x64'];
const GUEST = join(import.meta.dirname, 'guest');

export interface GuestImage {
  readonly kernel: string;
  readonly initramfs: string;
  readonly root: string;
}

/** What the guest runs, by where it is there; the host's own files. */
export const PROGRAMS = {
  'usr/sbin/runc': '/usr/sbin/runc',
  'usr/bin/conmon': '/usr/bin/conmon',
  'bin/ip': '/bin/ip',
  'usr/bin/install': '/usr/bin/install',
} as const;

/** A Debian without an init system, made of this machine's files, with the tests in `/app`. */
export async function makeGuestImage(
  kernel: GuestKernel,
  directory: string,
  signal: AbortSignal,
): Promise<GuestImage> {
  const initramfs = join(directory, 'initramfs');
  const root = join(directory, 'root.erofs');
  const init = join(GUEST, 'init.sh');
  await writeFile(initramfs, await makeInitramfs(kernel, { modules: MODULES, init }, signal));
  const tree = join(directory, 'tree');
  for (const folder of FOLDERS) await mkdir(join(tree, folder), { recursive: true });
  await writeFile(join(tree, 'etc/hostname'), 'guest\n');
  await installPrograms(tree, { ...PROGRAMS, 'bin/node': process.execPath }, signal);
  await installBusybox(tree, signal);
  await installPackages(join(tree, 'app'), NATIVE);
  await copyFile(join(GUEST, 'start.sh'), join(tree, 'app/start.sh'));
  await chmod(join(tree, 'app/start.sh'), 0o755);
  // Our code looks for the folder it was installed in.
  await writeFile(join(tree, 'app/package.json'), '{ "name": "amphora", "type": "module" }\n');
  await bundle(join(tree, 'app'));
  await run('mkfs.erofs', ['--quiet', root, tree], { signal });
  return { kernel: kernel.image, initramfs, root };
}

async function bundle(outdir: string): Promise<void> {
  const require =
    "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);";
  await build({
    entryPoints: ['main', 'suite'].map((name) => join(GUEST, `${name}.ts`)),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: NATIVE,
    // CommonJS packages ask for Node's own modules by `require`, which an ES module lacks.
    banner: { js: require },
    logLevel: 'warning',
  });
}
