import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathInside } from '../lib/files.ts';

/** One file of a volume that we write. */
export interface VolumeFile {
  /** Relative to the volume. */
  readonly path: string;
  readonly data: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** Owner, where the file belongs to one user alone. */
  readonly uid?: number;
}

const DATA = '..data';

/**
 * Writes a set of files so that a reader sees the old set or the new, never a mixture: the files go into a
 * directory of their own, the link `..data` is swapped to it, and each visible name is a link through
 * `..data`. Same layout as kubelet's, because programs watch for exactly that swap.
 * @returns whether anything changed
 */
export async function writeFilesAtomic(
  root: string,
  files: readonly VolumeFile[],
  owner: { readonly gid?: number },
): Promise<boolean> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  const current = await readlink(join(root, DATA)).catch(() => undefined);
  if (current !== undefined && (await isSame(join(root, current), files))) return false;
  const next = `..${new Date().toISOString().replaceAll(/[-:TZ.]/g, '')}_${randomBytes(4).toString('hex')}`;
  await mkdir(join(root, next), { mode: 0o755 });
  for (const file of files) await writeOne(join(root, next), file, owner.gid);
  const temporary = join(root, `${DATA}_tmp`);
  await rm(temporary, { force: true });
  await symlink(next, temporary);
  await rename(temporary, join(root, DATA));
  await linkNames(root, files);
  if (current !== undefined) await rm(join(root, current), { recursive: true, force: true });
  return true;
}

async function writeOne(directory: string, file: VolumeFile, gid: number | undefined): Promise<void> {
  const path = pathInside(directory, file.path);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  // A group that is to read the files (fsGroup) gets what the owner may read, as kubelet does.
  const mode = gid === undefined ? file.mode : file.mode | ((file.mode & 0o400) >> 3);
  await writeFile(path, file.data, { mode, flag: 'wx' });
  if (gid !== undefined || file.uid !== undefined) await chown(path, file.uid ?? 0, gid ?? 0);
}

/** Makes the first component of every path a link through `..data`, and removes links to what is gone. */
async function linkNames(root: string, files: readonly VolumeFile[]): Promise<void> {
  const wanted = new Set(files.map((file) => file.path.split('/')[0] ?? ''));
  const present = new Set((await readdir(root)).filter((name) => !name.startsWith('..')));
  for (const name of wanted) if (!present.has(name)) await symlink(join(DATA, name), join(root, name));
  for (const name of present) if (!wanted.has(name)) await rm(join(root, name), { force: true });
}

async function isSame(directory: string, files: readonly VolumeFile[]): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const file of files) {
    const present = await readFile(pathInside(directory, file.path)).catch(() => undefined);
    if (present === undefined || !present.equals(file.data)) return false;
  }
  return true;
}
