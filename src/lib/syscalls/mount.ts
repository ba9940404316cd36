import { check, cstring, libc } from './libc.ts';

/** https://man7.org/linux/man-pages/man2/mount.2.html */
export const MS_RDONLY = 0x1;
export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_NOEXEC = 0x8;
export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x1000;
export const MS_MOVE = 0x2000;
export const MS_REC = 0x4000;
export const MS_PRIVATE = 0x40000;
export const MS_SLAVE = 0x80000;
export const MS_SHARED = 0x100000;

export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

const rawMount = libc.func('mount', 'int', [
  'const void *',
  'const void *',
  'const char *',
  'unsigned long',
  'const char *',
]);
const rawUmount2 = libc.func('umount2', 'int', ['const void *', 'int']);

export interface MountOptions {
  readonly source: string;
  readonly target: string;
  /** `overlay`, `tmpfs`, …; absent for bind, move and propagation changes. */
  readonly type?: string;
  /** `MS_…` flags. */
  readonly flags: number;
  /** Options of the file system; the kernel takes at most one page (4095 bytes). */
  readonly data?: string;
}

export function mount(options: MountOptions): void {
  const { source, target, type = null, flags, data = null } = options;
  check(rawMount(cstring(source), cstring(target), type, flags, data), 'mount', target);
}

/** Unmounts; with `MNT_DETACH` at once and for good when the last user is gone. */
export function umount2(target: string, flags = UMOUNT_NOFOLLOW): void {
  check(rawUmount2(cstring(target), flags), 'umount2', target);
}
