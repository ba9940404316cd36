import { readdir, readFile } from 'node:fs/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';

const GONE_MS = 10 * SECOND_MS;
const LOOK_AGAIN_MS = 5;

/**
 * Every process whose command line names a path below one of `directories`: QEMU, its launcher, virtiofsd, and
 * whatever else a killed node was just running for a sandbox. A pid file can be stale or not yet written; this cannot.
 */
export async function processesNaming(directories: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!isOurs(command)) continue;
    if (directories.some((directory) => command.includes(`${directory}/`))) found.push(pid);
  }
  return found;
}

const PROGRAMS = /(^|\/)(qemu-system-[a-z0-9_]+|virtiofsd|nsenter|mkfs\.ext4|mke2fs|cp)$/;

function isOurs(command: string): boolean {
  return PROGRAMS.test(command.split('\0')[0] ?? '');
}

/** Kills them and waits until they are gone. */
export async function killProcesses(directories: readonly string[]): Promise<void> {
  const deadline = Date.now() + GONE_MS;
  for (;;) {
    const pids = await processesNaming(directories);
    if (pids.length === 0) return;
    if (Date.now() > deadline)
      throw new AmphoraError('Unavailable', `processes ${pids.join(', ')} do not end after SIGKILL`);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
