import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { AmphoraError } from './errors.ts';

/**
 * Writes a file so that a reader, or a machine that lost power, sees the old content or the new, never a
 * part: temporary name beside it, flush, rename, flush the directory.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await withFile(temporary, 'wx', mode, async (file) => {
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await withFile(dirname(path), 'r', 0, (directory) => directory.sync());
}

async function withFile(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/**
 * `relative` below `root`, lexically. It follows no links, so it is for paths whose every part is ours; what
 * strangers can put links into is opened with openat2's RESOLVE_IN_ROOT instead.
 * @throws BadRequest when the path leaves the root.
 */
export function pathInside(root: string, relative: string): string {
  const base = resolve(root);
  const path = resolve(base, relative);
  if (path !== base && !path.startsWith(base + sep)) {
    throw new AmphoraError('BadRequest', `path ${JSON.stringify(relative)} leaves ${root}`);
  }
  return path;
}
