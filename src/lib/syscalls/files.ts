import { constants } from 'node:fs';
import { type CPath, check, cstring, libc } from './libc.ts';

/** Flags of open(2) that `node:fs` does not name; the same on every architecture Linux and Node share. */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

/** https://man7.org/linux/man-pages/man2/openat2.2.html */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const SYS_OPENAT2 = 437;

const rawOpenat2 = libc.func('syscall', 'long', ['long', 'long', 'const void *', 'const void *', 'size_t']);
const rawMkdirat = libc.func('mkdirat', 'int', ['int', 'const void *', 'unsigned int']);
const rawLinkat = libc.func('linkat', 'int', ['int', 'const void *', 'int', 'const void *', 'int']);
const rawSymlinkat = libc.func('symlinkat', 'int', ['const void *', 'int', 'const void *']);
const rawMknodat = libc.func('mknodat', 'int', ['int', 'const void *', 'unsigned int', 'uint64_t']);
const rawFchownat = libc.func('fchownat', 'int', [
  'int',
  'const void *',
  'unsigned int',
  'unsigned int',
  'int',
]);
const rawFchmod = libc.func('fchmod', 'int', ['int', 'unsigned int']);
const rawFsetxattr = libc.func('fsetxattr', 'int', ['int', 'const char *', 'const void *', 'size_t', 'int']);
const rawUtimensat = libc.func('utimensat', 'int', ['int', 'const void *', 'const void *', 'int']);
const rawUnlinkat = libc.func('unlinkat', 'int', ['int', 'const void *', 'int']);
const rawSyncfs = libc.func('syncfs', 'int', ['int']);

export interface Openat2Options {
  /** `O_…` flags; `O_CLOEXEC` is always added. */
  readonly flags: number;
  /** Permissions of a file that is created; must be absent otherwise. */
  readonly mode?: number;
  /** `RESOLVE_…` flags. */
  readonly resolve: number;
}

/** Opens a path that strangers may have filled with links, relative to a directory. Returns a descriptor to close. */
export function openat2(directory: number, path: CPath, options: Openat2Options): number {
  const how = new BigUint64Array([
    BigInt(options.flags | O_CLOEXEC),
    BigInt(options.mode ?? 0),
    BigInt(options.resolve),
  ]);
  return check(rawOpenat2(SYS_OPENAT2, directory, cstring(path), how, how.byteLength), 'openat2', path);
}

/** Makes a directory. `name` must be one component: these calls follow links in anything longer. */
export function mkdirat(directory: number, name: CPath, mode: number): void {
  check(rawMkdirat(directory, cstring(name), mode), 'mkdirat', name);
}

/** A hard link from one directory's entry to another's; a symbolic link is linked itself, not followed. */
export function linkat(
  from: { directory: number; name: CPath },
  to: { directory: number; name: CPath },
): void {
  check(rawLinkat(from.directory, cstring(from.name), to.directory, cstring(to.name), 0), 'linkat', to.name);
}

export function symlinkat(target: CPath, at: { directory: number; name: CPath }): void {
  check(rawSymlinkat(cstring(target), at.directory, cstring(at.name)), 'symlinkat', at.name);
}

/** `mode` holds the type (`S_IFCHR`, `S_IFIFO`, …) and the permissions. */
export function mknodat(at: { directory: number; name: CPath }, mode: number, device = 0n): void {
  check(rawMknodat(at.directory, cstring(at.name), mode, device), 'mknodat', at.name);
}

/** Changes the owner of an entry itself, never of what it points to. */
export function fchownat(at: { directory: number; name: CPath }, uid: number, gid: number): void {
  check(rawFchownat(at.directory, cstring(at.name), uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', at.name);
}

export function fchmod(descriptor: number, mode: number): void {
  check(rawFchmod(descriptor, mode), 'fchmod');
}

export function fsetxattr(descriptor: number, name: string, value: Buffer): void {
  check(rawFsetxattr(descriptor, name, value, value.length, 0), 'fsetxattr', name);
}

/** Sets the modification and access time of an entry itself, in nanoseconds since the epoch. */
export function utimensat(at: { directory: number; name: CPath }, nanoseconds: bigint): void {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = nanoseconds % 1_000_000_000n;
  const [whole, part] = rest < 0n ? [seconds - 1n, rest + 1_000_000_000n] : [seconds, rest];
  const times = new BigInt64Array([whole, part, whole, part]);
  check(rawUtimensat(at.directory, cstring(at.name), times, AT_SYMLINK_NOFOLLOW), 'utimensat', at.name);
}

export function unlinkat(at: { directory: number; name: CPath }, kind: 'file' | 'directory'): void {
  const flags = kind === 'directory' ? AT_REMOVEDIR : 0;
  check(rawUnlinkat(at.directory, cstring(at.name), flags), 'unlinkat', at.name);
}

/** Flushes the whole file system that `descriptor` is on. */
export function syncfs(descriptor: number): void {
  check(rawSyncfs(descriptor), 'syncfs');
}

/** Opens what is at `path` inside `root` for reading; no link, `..` or mount leads out of it. */
export function openInRoot(root: number, path: CPath, flags = constants.O_RDONLY): number {
  return openat2(root, path, { flags, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
}

const rawFgetxattr = libc.func('fgetxattr', 'long', ['int', 'const char *', 'void *', 'size_t']);

/** An extended attribute, or undefined when there is none (or the file system has no such thing). */
export function fgetxattr(descriptor: number, name: string): Buffer | undefined {
  const value = Buffer.alloc(64 * 1024);
  const size = rawFgetxattr(descriptor, name, value, value.length);
  if (size < 0) return undefined;
  return value.subarray(0, size);
}
