import { readdir, readFile, rm } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import { isErrno } from '../../lib/syscalls/libc.ts';
import { MNT_DETACH, UMOUNT_NOFOLLOW, umount2 } from '../../lib/syscalls/mount.ts';

const GONE_MS = 10_000;
const POLL_MS = 5;

/** Unmounts everything at or below a path, deepest first. */
export async function unmountBelow(path: string): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const found = table
    .split('\n')
    .map((line) => unescapeMount(line.split(' ')[4] ?? ''))
    .filter((target) => target === path || target.startsWith(`${path}/`));
  for (const target of found.reverse()) {
    try {
      umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
    } catch (error) {
      if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error;
    }
  }
}

/** The kernel writes space, tab, newline and backslash as octal. */
function unescapeMount(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Removes folders once nothing is mounted below them. */
export async function removeTrees(...paths: string[]): Promise<void> {
  for (const path of paths) await unmountBelow(path);
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

/** Whether a process runs and still is the one that was started for `mark`, a part of its command line. */
export async function runs(pid: number, mark: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.includes(mark);
}

/** Whether any process has `mark` in its command line. */
export async function mentioned(mark: string): Promise<boolean> {
  for (const entry of await readdir('/proc'))
    if (/^\d+$/.test(entry) && (await runs(Number(entry), mark))) return true;
  return false;
}

export async function readPid(file: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  return pid > 1 ? pid : undefined;
}

/** Kills processes and waits until they are gone. */
export async function killAll(pids: readonly number[], clock: Clock): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  const end = clock.now() + GONE_MS;
  for (const pid of pids) while (exists(pid) && clock.now() < end) await clock.sleep(POLL_MS);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
