import { readFile } from 'node:fs/promises';
import { writeCpio } from '../../src/engines/vm/cpio.ts';
import type { GuestKernel } from '../../src/engines/vm/kernel.ts';
import { collectModules } from '../../src/engines/vm/modules.ts';

const DIRECTORY = 0o40755;
const PROGRAM = 0o100755;
const FILE = 0o100644;

/** busybox, kernel modules in `/modules` (in order in `/modules/list`) and `init`, a shell script. */
export async function makeInitramfs(
  kernel: GuestKernel,
  options: { modules: readonly string[]; init: string },
  signal: AbortSignal,
): Promise<Buffer> {
  const modules = await collectModules(kernel.modules, options.modules, signal);
  const names = modules.map(({ name }) => `${name}.ko\n`).join('');
  const folders = ['bin', 'dev', 'proc', 'sys', 'root', 'modules'];
  return writeCpio([
    ...folders.map((path) => ({ path, mode: DIRECTORY, data: new Uint8Array() })),
    { path: 'bin/busybox', mode: PROGRAM, data: await readFile('/bin/busybox') },
    { path: 'init', mode: PROGRAM, data: await readFile(options.init) },
    { path: 'modules/list', mode: FILE, data: Buffer.from(names) },
    ...modules.map(({ name, data }) => ({ path: `modules/${name}.ko`, mode: FILE, data })),
  ]);
}
