import { getSystemErrorName } from 'node:util';
import koffi, { type LibraryHandle } from 'koffi';

/** The C library the runtime itself is linked with. Calls block the calling thread. */
export const libc: LibraryHandle = koffi.load('libc.so.6');

/** A system call that failed, shaped like Node's own errors: `code` is `ENOENT`, `errno` the negated number. */
export class SyscallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(errno: number, syscall: string, path?: string) {
    const code = getSystemErrorName(-errno);
    super(`${code}: ${syscall}${path === undefined ? '' : ` ${JSON.stringify(path)}`} failed`);
    this.name = 'SyscallError';
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
    this.path = path;
  }
}

/** Turns the C convention (-1 and errno) into an exception. */
export function check(result: number, syscall: string, path?: CPath): number {
  if (result < 0) {
    throw new SyscallError(
      koffi.errno(),
      syscall,
      path === undefined ? undefined : Buffer.from(path).toString(),
    );
  }
  return result;
}

export function isErrno(error: unknown, ...codes: string[]): error is SyscallError {
  return error instanceof SyscallError && codes.includes(error.code);
}

/** A path as the kernel sees it: bytes that need not be UTF-8. */
export type CPath = string | Buffer;

/** NUL-terminated bytes. @throws SyscallError EINVAL for a path with a NUL inside, which C would cut short. */
export function cstring(value: CPath): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.includes(0)) throw new SyscallError(22, 'path', bytes.toString());
  return Buffer.concat([bytes, Buffer.of(0)]);
}
