import { check, libc } from './libc.ts';

const O_CLOEXEC = 0o2000000;
const pipe2 = libc.func('pipe2', 'int', ['void *', 'int']);

/** A pipe whose ends no child gets unless they are handed to it. The caller closes both. */
export function makePipe(): { readonly read: number; readonly write: number } {
  const ends = Buffer.alloc(8);
  check(pipe2(ends, O_CLOEXEC), 'pipe2');
  return { read: ends.readInt32LE(0), write: ends.readInt32LE(4) };
}
