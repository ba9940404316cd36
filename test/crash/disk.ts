import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run, tryRun } from '../../src/lib/run.ts';
import type { Mode } from './protocol.ts';

/** Of e2fsck(8): the file system was not clean, and is now. */
const REPAIRED = 1;

/** Plays a disk's journal back, as a kernel does that mounts it, and takes the store out. @returns its directory */
export async function takeStore(disk: string, options: { mode: Mode; directory: string }): Promise<string> {
  const checked = await tryRun('e2fsck', ['-fy', disk]);
  if (checked.exitCode > REPAIRED) throw new Error(`e2fsck: ${checked.stdout} ${checked.stderr}`);
  const out = join(options.directory, 'out');
  await mkdir(out);
  await run('debugfs', ['-R', `rdump /${options.mode} ${out}`, disk]);
  return join(out, options.mode, 'store');
}
