import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { LIMITS } from '../../lib/limits.ts';

/** Paths of one attempt's log, the newest first: `0.log`, `0.log.1`, … */
export function logFiles(path: string): string[] {
  return Array.from({ length: LIMITS.logFiles }, (_, age) => (age === 0 ? path : `${path}.${age}`));
}

export async function removeLog(path: string): Promise<void> {
  for (const file of logFiles(path)) await rm(file, { force: true });
}

/**
 * Renames a log that has grown too large, dropping the oldest file, and has the writer go on in a new one. Done
 * again after a crash between the two, it has the writer do so.
 */
export async function rotateLog(path: string, reopen: () => Promise<void>): Promise<void> {
  const size = await sizeOf(path);
  if (size === undefined && (await sizeOf(`${path}.1`)) !== undefined) return reopen();
  if (size === undefined || size < LIMITS.logFileBytes) return;
  const files = logFiles(path);
  for (let age = files.length - 1; age > 0; age -= 1) {
    const [newer = '', older = ''] = [files[age - 1], files[age]];
    // A missing file in between is what a crash left of an earlier time.
    await rename(newer, older).catch(() => {});
  }
  await reopen();
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

/** Opens the files of a log, the oldest first; one that is renamed meanwhile is there once. */
export async function openLogFiles(path: string): Promise<FileHandle[]> {
  const opened: FileHandle[] = [];
  const seen = new Set<number>();
  for (const file of logFiles(path)) {
    const handle = await open(file, 'r').catch(() => undefined);
    if (handle === undefined) continue;
    const { ino } = await handle.stat();
    if (seen.has(ino)) await handle.close();
    else opened.unshift(handle);
    seen.add(ino);
  }
  return opened;
}

/** The files that have taken a renamed one's place, the oldest first; none until its writer has gone over to them. */
export async function successorsOf(file: FileHandle, path: string): Promise<FileHandle[]> {
  const { ino } = await file.stat();
  const newest = await stat(path).catch(() => undefined);
  if (newest === undefined || newest.ino === ino) return [];
  const files = await openLogFiles(path);
  const inodes = await Promise.all(files.map(async (one) => (await one.stat()).ino));
  const [own, later] = [files.slice(0, inodes.indexOf(ino) + 1), files.slice(inodes.indexOf(ino) + 1)];
  for (const one of own) await one.close();
  return later;
}
