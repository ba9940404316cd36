import { closeSync, constants, fchownSync, fstatSync, writeSync } from 'node:fs';
import {
  fchmod,
  fchownat,
  fsetxattr,
  linkat,
  mkdirat,
  mknodat,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  symlinkat,
  unlinkat,
  utimensat,
} from '../../lib/syscalls/files.ts';
import { isErrno } from '../../lib/syscalls/libc.ts';
import type { TarEntry } from './tar-reader.ts';
import { UnpackError } from './unpack-error.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const MAX_DEPTH = 256;
const ONE_NAME = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

export interface TreeOptions {
  /** An archive rather than a layer: names mean themselves, and nothing gets an owner. */
  readonly isPlain: boolean;
}

/** Paths are relative to the root, as bytes in latin1 strings. */
export interface TreeReport {
  /** Directories whose lower layers are hidden. */
  readonly opaque: readonly string[];
  /** Directories that had to be made without an entry of their own, parents first. */
  readonly implied: readonly string[];
  readonly entries: number;
  /** Device nodes left out: every engine brings its own `/dev`, and an image has no right to another. */
  readonly devicesIgnored: number;
}

/**
 * Writes entries below one directory. Every path is resolved inside it by the kernel: `..` and absolute link
 * targets end at its root.
 */
export class TreeWriter {
  readonly #root: number;
  readonly #isPlain: boolean;
  readonly #opaque = new Set<string>();
  readonly #implied = new Set<string>();
  readonly #times = new Map<string, bigint>();
  #entries = 0;
  #devices = 0;
  #parent: { path: string; descriptor: number } | undefined;

  /** @param root a descriptor of the directory, owned by the caller. */
  constructor(root: number, options: TreeOptions) {
    this.#root = root;
    this.#isPlain = options.isPlain;
  }

  /** @param data hands on exactly `entry.size` bytes. */
  write(entry: TarEntry, data: (use: (part: Buffer) => void) => void): void {
    this.#entries++;
    const parts = components(entry.name);
    const name = parts.pop();
    if (name === undefined) {
      if (entry.kind !== 'directory')
        throw new UnpackError('Corrupt', `an entry with no name (${entry.kind})`);
      this.#applyToDirectory(this.#root, '.', entry);
      return;
    }
    if (!this.#isPlain && name.startsWith(WHITEOUT)) {
      this.#whiteout(parts, name);
      return;
    }
    if (entry.kind === 'device') {
      this.#devices++;
      return;
    }
    const at = { directory: this.#openParent(parts), name: bytes(name) };
    const path = [...parts, name].join('/');
    if (entry.kind === 'directory') this.#directory(at, path, entry);
    else this.#leaf(at, path, { entry, data });
  }

  /** Sets the times of directories, which writing into them had changed. */
  finish(): TreeReport {
    this.#closeParent();
    for (const [path, nanoseconds] of [...this.#times].reverse()) {
      const descriptor = openat2(this.#root, bytes(path), {
        flags: O_PATH | constants.O_DIRECTORY,
        resolve: IN_ROOT,
      });
      try {
        utimensat({ directory: descriptor, name: '.' }, nanoseconds);
      } finally {
        closeSync(descriptor);
      }
    }
    return {
      opaque: [...this.#opaque],
      implied: [...this.#implied],
      entries: this.#entries,
      devicesIgnored: this.#devices,
    };
  }

  #directory(at: At, path: string, entry: TarEntry): void {
    try {
      mkdirat(at.directory, at.name, 0o700);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      const was = kindOf(at);
      if (was !== 'directory') {
        unlinkat(at, 'file');
        mkdirat(at.directory, at.name, 0o700);
        if (was === 'whiteout') this.#opaque.add(path);
      }
    }
    this.#implied.delete(path);
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    const descriptor = openat2(at.directory, at.name, { flags, resolve: ONE_NAME });
    try {
      this.#applyToDirectory(descriptor, path, entry);
    } finally {
      closeSync(descriptor);
    }
  }

  #applyToDirectory(descriptor: number, path: string, entry: TarEntry): void {
    if (this.#isPlain) return;
    fchownSync(descriptor, entry.uid, entry.gid);
    fchmod(descriptor, entry.mode);
    setAttributes(descriptor, entry);
    this.#times.delete(path);
    this.#times.set(path, entry.mtime);
  }

  #leaf(at: At, path: string, content: Content): void {
    this.#clear(at, path);
    const { entry } = content;
    if (entry.kind === 'file') this.#file(at, content);
    else if (entry.kind === 'link') this.#hardLink(at, entry);
    else if (entry.kind === 'symlink') symlinkat(bytes(entry.linkName), at);
    else mknodat(at, constants.S_IFIFO | entry.mode);
    if (entry.kind === 'link' || this.#isPlain) return;
    if (entry.kind !== 'file') fchownat(at, entry.uid, entry.gid);
    utimensat(at, entry.mtime);
  }

  #file(at: At, { entry, data }: Content): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openat2(at.directory, at.name, { flags, mode: 0o600, resolve: ONE_NAME });
    try {
      data((part) => {
        for (let rest = part; rest.length > 0; ) rest = rest.subarray(writeSync(descriptor, rest));
      });
      if (this.#isPlain) return;
      // In this order: a change of owner takes away setuid bits and capabilities.
      fchownSync(descriptor, entry.uid, entry.gid);
      fchmod(descriptor, entry.mode);
      setAttributes(descriptor, entry);
    } finally {
      closeSync(descriptor);
    }
  }

  #hardLink(at: At, entry: TarEntry): void {
    const parts = components(entry.linkName);
    const name = parts.pop();
    if (name === undefined)
      throw new UnpackError('Corrupt', `${shown(entry.name)} is a hard link to nothing`);
    const flags = O_PATH | constants.O_DIRECTORY;
    try {
      const directory = openat2(this.#root, bytes(parts.join('/') || '.'), { flags, resolve: IN_ROOT });
      try {
        linkat({ directory, name: bytes(name) }, at);
      } finally {
        closeSync(directory);
      }
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EPERM', 'ELOOP')) throw error;
      const link = `${shown(entry.name)} is a hard link to ${shown(entry.linkName)}`;
      throw new UnpackError('Corrupt', `${link}, which is no file of this layer`);
    }
  }

  #whiteout(parts: readonly string[], name: string): void {
    const directory = this.#openParent(parts);
    if (name === OPAQUE) {
      this.#opaque.add(parts.join('/'));
      return;
    }
    if (name.startsWith('.wh..wh.')) return; // aufs kept its own book-keeping under these names.
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === '' || hidden === '.' || hidden === '..') {
      throw new UnpackError('Corrupt', `${shown(name)} hides nothing that can be named`);
    }
    const at = { directory, name: bytes(hidden) };
    const was = kindOf(at);
    // A whiteout hides what is below this layer; what the layer itself brings stays.
    if (was === 'directory') this.#opaque.add([...parts, hidden].join('/'));
    else if (was === undefined) {
      mknodat(at, constants.S_IFCHR);
      fchownat(at, 0, 0);
    }
  }

  /** Removes what an earlier entry of the same name left. */
  #clear(at: At, path: string): void {
    const was = kindOf(at);
    if (was === undefined) return;
    try {
      unlinkat(at, was === 'directory' ? 'directory' : 'file');
      this.#times.delete(path);
      this.#implied.delete(path);
      this.#opaque.delete(path);
    } catch (error) {
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      throw new UnpackError('Corrupt', `${shown(path)} is a directory with content and then something else`);
    }
  }

  /** The directory that `parts` names, made as far as it is missing. Kept open for the next entry, which is mostly beside. */
  #openParent(parts: readonly string[]): number {
    const path = parts.join('/');
    if (this.#parent?.path === path) return this.#parent.descriptor;
    this.#closeParent();
    const descriptor = this.#walk(parts);
    this.#parent = { path, descriptor };
    return descriptor;
  }

  #walk(parts: readonly string[]): number {
    const path = parts.join('/') || '.';
    try {
      return openat2(this.#root, bytes(path), { flags: O_PATH | constants.O_DIRECTORY, resolve: IN_ROOT });
    } catch (error) {
      const name = parts.at(-1);
      if (isErrno(error, 'ENOENT') && name !== undefined) return this.#implyDirectory(parts, name);
      if (isErrno(error, 'ENOTDIR', 'ELOOP')) {
        throw new UnpackError('Corrupt', `${shown(path)} is no directory but has something in it`);
      }
      throw error;
    }
  }

  #implyDirectory(parts: readonly string[], name: string): number {
    const parent = this.#walk(parts.slice(0, -1));
    try {
      const at = { directory: parent, name: bytes(name) };
      if (kindOf(at) !== undefined) {
        throw new UnpackError(
          'Corrupt',
          `${shown(parts.join('/'))} is a link to nothing but has something in it`,
        );
      }
      mkdirat(at.directory, at.name, 0o755);
      if (!this.#isPlain) fchownat(at, 0, 0);
      this.#implied.add(parts.join('/'));
      return openat2(parent, at.name, { flags: O_PATH | constants.O_DIRECTORY, resolve: ONE_NAME });
    } finally {
      closeSync(parent);
    }
  }

  #closeParent(): void {
    if (this.#parent !== undefined) closeSync(this.#parent.descriptor);
    this.#parent = undefined;
  }
}

interface At {
  readonly directory: number;
  readonly name: Buffer;
}

interface Content {
  readonly entry: TarEntry;
  readonly data: (use: (part: Buffer) => void) => void;
}

/** @throws UnpackError Corrupt for `..`, wherever it would lead: no honest layer has it. */
function components(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw new UnpackError('Corrupt', `the path ${shown(name)} leaves the root of the layer`);
  if (parts.length > MAX_DEPTH)
    throw new UnpackError('TooLarge', `a path is deeper than ${MAX_DEPTH} directories`);
  return parts;
}

function kindOf(at: At): 'directory' | 'whiteout' | 'other' | undefined {
  let descriptor: number;
  try {
    descriptor = openat2(at.directory, at.name, {
      flags: O_PATH | constants.O_NOFOLLOW,
      resolve: RESOLVE_BENEATH,
    });
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const found = fstatSync(descriptor);
    if (found.isDirectory()) return 'directory';
    return found.isCharacterDevice() && found.rdev === 0 ? 'whiteout' : 'other';
  } finally {
    closeSync(descriptor);
  }
}

/** File capabilities and what programs keep for themselves; never `trusted.*`, through which overlayfs is steered. */
function setAttributes(descriptor: number, entry: TarEntry): void {
  for (const [name, value] of entry.xattrs) {
    const isWanted =
      name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
    if (!isWanted) continue;
    try {
      fsetxattr(descriptor, name, value);
    } catch (error) {
      if (!isErrno(error, 'EOPNOTSUPP', 'EINVAL', 'ERANGE', 'EPERM')) throw error;
    }
  }
}

function bytes(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

function shown(name: string): string {
  return JSON.stringify(bytes(name).toString().slice(0, 200));
}
