import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { pathInside, writeFileAtomic } from '../../lib/files.ts';

/** Where keys and certificates are kept, by file name. */
export interface KeyFiles {
  /** The place of one, for messages. */
  path(name: string): string;
  read(name: string): Promise<string | undefined>;
  /** Whole or not at all. */
  write(name: string, content: string, mode: number): Promise<void>;
  names(): Promise<readonly string[]>;
  below(name: string): KeyFiles;
}

/** In a directory of mode 0700, made when it is first needed. */
export function keyFilesIn(directory: string): KeyFiles {
  const prepare = async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  };
  return {
    path: (name) => join(directory, name),
    read: (name) => readIfThere(pathInside(directory, name)),
    write: async (name, content, mode) => {
      await prepare();
      await writeFileAtomic(pathInside(directory, name), content, mode);
    },
    names: async () => {
      await prepare();
      return await readdir(directory);
    },
    below: (name) => keyFilesIn(pathInside(directory, name)),
  };
}

/** In this process only. */
export function createMemoryKeys(files = new Map<string, string>(), prefix = ''): KeyFiles {
  return {
    path: (name) => `${prefix}${name} (in memory)`,
    read: async (name) => files.get(prefix + name),
    write: async (name, content) => void files.set(prefix + name, content),
    names: async () =>
      [...files.keys()].flatMap((path) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : [])),
    below: (name) => createMemoryKeys(files, `${prefix}${name}/`),
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw AmphoraError.during(`reading ${path}`, error);
  }
}
