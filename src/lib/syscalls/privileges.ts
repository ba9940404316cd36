import { check, libc } from './libc.ts';

/** Numbers of https://man7.org/linux/man-pages/man7/capabilities.7.html that are used here. */
export const CAP_CHOWN = 0;
export const CAP_DAC_OVERRIDE = 1;
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_SETFCAP = 31;

const PR_SET_KEEPCAPS = 8;
const PR_SET_NO_NEW_PRIVS = 38;
const CAPABILITY_VERSION_3 = 0x20080522;

const rawPrctl = libc.func('prctl', 'int', [
  'int',
  'unsigned long',
  'unsigned long',
  'unsigned long',
  'unsigned long',
]);
const rawCapset = libc.func('capset', 'int', ['const void *', 'const void *']);
const rawSetrlimit = libc.func('setrlimit', 'int', ['int', 'const void *']);
const rawSetgroups = libc.func('setgroups', 'int', ['size_t', 'const void *']);
const rawSetresgid = libc.func('setresgid', 'int', ['unsigned int', 'unsigned int', 'unsigned int']);
const rawSetresuid = libc.func('setresuid', 'int', ['unsigned int', 'unsigned int', 'unsigned int']);

export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_CORE = 4;
export const RLIMIT_NOFILE = 7;

/** Lowers a limit, soft and hard, for the whole process. */
export function setrlimit(resource: number, value: number): void {
  check(rawSetrlimit(resource, new BigUint64Array([BigInt(value), BigInt(value)])), 'setrlimit');
}

/**
 * Gives up root for good. Every thread becomes `uid`:`gid` without supplementary groups and without
 * capabilities, because the C library carries the change of user to all of them; the calling thread alone keeps
 * `capabilities`.
 */
export function dropPrivileges(user: { uid: number; gid: number }, capabilities: readonly number[]): void {
  check(rawPrctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 'prctl');
  check(rawSetgroups(0, null), 'setgroups');
  check(rawSetresgid(user.gid, user.gid, user.gid), 'setresgid');
  check(rawSetresuid(user.uid, user.uid, user.uid), 'setresuid');
  check(rawPrctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'prctl');
  setCapabilities(capabilities);
}

function setCapabilities(capabilities: readonly number[]): void {
  const bits = capabilities.reduce((all, one) => all | (1n << BigInt(one)), 0n);
  const low = Number(bits & 0xffff_ffffn);
  const high = Number(bits >> 32n);
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  // Effective, permitted, inheritable: first the low halves, then the high ones.
  check(rawCapset(header, new Uint32Array([low, low, 0, high, high, 0])), 'capset');
}
