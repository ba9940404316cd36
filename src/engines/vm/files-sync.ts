import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { MIB } from '../../lib/limits.ts';
import type { GuestChannel } from './channel.ts';
import { TAG } from './numbers.ts';
import { RecordWriter } from './records.ts';

const MAX_FILE_BYTES = 1.5 * MIB;
const MAX_FILES = 10_000;

interface FileEntry {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target?: string;
  readonly directory: boolean;
}

/**
 * Copies a `files` volume into the guest as it is now, `known` being what is there already. Directories and files go
 * first and links last, `..data` after all others, so that whoever reads through `..data` sees the old set or the new.
 * @returns what is there now, for the next time.
 */
export async function syncFiles(
  channel: GuestChannel,
  volume: { readonly name: string; readonly path: string; readonly known: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const entries = (await walk(volume.path)).sort((a, b) => order(a) - order(b));
  for (const entry of entries) {
    const message = new RecordWriter()
      .text(TAG.name, volume.name)
      .text(TAG.path, entry.path)
      .number(TAG.mode, entry.mode & 0o7777)
      .number(TAG.uid, entry.uid)
      .number(TAG.gid, entry.gid);
    if (entry.target !== undefined) message.text(TAG.target, entry.target);
    else if (!entry.directory) message.bytes(TAG.data, await readFile(join(volume.path, entry.path)));
    await channel.request('put', message, signal);
  }
  const now = new Set(entries.map((entry) => entry.path));
  for (const path of volume.known) {
    if (now.has(path)) continue;
    const message = new RecordWriter().text(TAG.name, volume.name).text(TAG.path, path);
    await channel.request('prune', message, signal);
  }
  return now;
}

function order(entry: FileEntry): number {
  if (entry.directory) return 0;
  if (entry.target === undefined) return 1;
  return entry.path === '..data' ? 3 : 2;
}

async function walk(root: string): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  const visit = async (relative: string): Promise<void> => {
    for (const name of (await readdir(join(root, relative))).sort()) {
      const path = relative === '' ? name : `${relative}/${name}`;
      const info = await lstat(join(root, path));
      if (info.size > MAX_FILE_BYTES || found.length >= MAX_FILES)
        throw new AmphoraError('TooLarge', `${path} in ${root} is too much to copy into a microVM`);
      const facts = { path, mode: info.mode, uid: info.uid, gid: info.gid, directory: info.isDirectory() };
      if (info.isSymbolicLink()) found.push({ ...facts, target: await readlink(join(root, path)) });
      else if (info.isFile() || info.isDirectory()) found.push(facts);
      if (info.isDirectory()) await visit(path);
    }
  };
  await visit('');
  return found;
}
