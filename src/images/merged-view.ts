import { closeSync, constants, openSync } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { fgetxattr } from '../lib/syscalls/files.ts';

const MAX_LINKS = 40;

/**
 * Reads files of an image as a process in it would see them, without mounting anything: topmost layer first, whiteouts
 * hide, links are followed inside the image only.
 */
export class MergedView {
  readonly #directories: readonly string[];

  /** @param directories unpacked layers, topmost first; nothing changes them. */
  constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /** The start of a regular file, up to a bound; undefined when there is no such file. */
  async read(path: string): Promise<string | undefined> {
    const found = await this.#resolve(path);
    if (found === undefined) return undefined;
    const file = await open(found, 'r');
    try {
      const buffer = Buffer.alloc(LIMITS.imageUserFileBytes);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** The path on the host of the regular file that `path` comes to. */
  async #resolve(path: string): Promise<string | undefined> {
    let rest = path.split('/').filter((part) => part !== '');
    let done: string[] = [];
    for (let links = 0; ; ) {
      const name = rest.shift();
      if (name === undefined) return undefined;
      if (name === '.') continue;
      if (name === '..') {
        done.pop();
        continue;
      }
      const found = await this.#lookUp([...done, name]);
      if (found?.kind === 'link') {
        if (++links > MAX_LINKS) throw new AmphoraError('Corrupt', `too many links at ${path} of the image`);
        if (found.target.startsWith('/')) done = [];
        rest = [...found.target.split('/').filter((part) => part !== ''), ...rest];
      } else if (found?.kind === 'directory' && rest.length > 0) done.push(name);
      else if (found?.kind === 'file' && rest.length === 0) return found.path;
      else return undefined;
    }
  }

  /** What one path is, whose parents are known to be directories. */
  async #lookUp(parts: readonly string[]): Promise<Found | undefined> {
    for (const directory of this.#directories) {
      let path = directory;
      let isHidden = false;
      for (const [index, part] of parts.entries()) {
        isHidden ||= isOpaque(path);
        path = join(path, part);
        const status = await lstat(path).catch(() => undefined);
        if (status === undefined) {
          if (isHidden) return undefined;
          break;
        }
        if (index < parts.length - 1) {
          if (status.isDirectory()) continue;
          return undefined;
        }
        if (status.isDirectory()) return { kind: 'directory' };
        if (status.isSymbolicLink()) return { kind: 'link', target: await readlink(path) };
        return status.isFile() ? { kind: 'file', path } : undefined;
      }
    }
    return undefined;
  }
}

type Found =
  | { readonly kind: 'directory' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly path: string };

function isOpaque(directory: string): boolean {
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return fgetxattr(descriptor, 'trusted.overlay.opaque')?.toString() === 'y';
  } finally {
    closeSync(descriptor);
  }
}
