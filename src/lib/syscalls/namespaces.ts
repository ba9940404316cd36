import { check, cstring, libc } from './libc.ts';

/** https://man7.org/linux/man-pages/man2/clone.2.html */
export const CLONE_NEWNS = 0x00020000;
export const CLONE_FS = 0x00000200;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWIPC = 0x08000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

const rawUnshare = libc.func('unshare', 'int', ['int']);
const rawSetns = libc.func('setns', 'int', ['int', 'int']);
const rawChroot = libc.func('chroot', 'int', ['const void *']);

/** Moves the calling thread only, not the process: other threads, libuv's among them, stay where they are. */
export function unshare(flags: number): void {
  check(rawUnshare(flags), 'unshare');
}

/** Moves the calling thread into the namespace behind `descriptor`; `type` is a `CLONE_NEW…` flag, or 0 for any. */
export function setns(descriptor: number, type = 0): void {
  check(rawSetns(descriptor, type), 'setns');
}

/** Changes the root directory of the process, all its threads together. Follow it with `process.chdir('/')`. */
export function chroot(path: string): void {
  check(rawChroot(cstring(path)), 'chroot', path);
}
