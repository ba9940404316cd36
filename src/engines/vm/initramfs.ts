import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/files.ts';
import { writeCpio } from './cpio.ts';
import type { GuestKernel } from './kernel.ts';
import { collectModules, WANTED_MODULES } from './modules.ts';

/**
 * The initramfs of every microVM: the guest program as `/init` and the modules it loads. Kept under the hash of
 * both; not compressed, because the guest would pay for unpacking what the host reads from its page cache.
 */
export async function ensureInitramfs(
  options: { kernel: GuestKernel; guestBinary: string; directory: string },
  signal: AbortSignal,
): Promise<string> {
  const init = await readFile(options.guestBinary);
  const hash = createHash('sha256').update(init).update('\0').update(options.kernel.version);
  const path = join(options.directory, `initramfs-${hash.digest('hex').slice(0, 24)}`);
  if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  const modules = await collectModules(options.kernel.modules, WANTED_MODULES, signal);
  const names = modules.map((module) => `${module.name}.ko`);
  await mkdir(options.directory, { recursive: true });
  const directory = 0o40755;
  const file = 0o100644;
  await writeFileAtomic(
    path,
    writeCpio([
      { path: 'dev', mode: directory, data: new Uint8Array() },
      { path: 'modules', mode: directory, data: new Uint8Array() },
      { path: 'init', mode: 0o100755, data: init },
      { path: 'modules/list', mode: file, data: Buffer.from(`${names.join('\n')}\n`) },
      ...modules.map((module) => ({ path: `modules/${module.name}.ko`, mode: file, data: module.data })),
    ]),
  );
  return path;
}
