import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { check, isErrno, libc } from '../../lib/syscalls/libc.ts';
import { MNT_DETACH, MS_BIND, mount, UMOUNT_NOFOLLOW, umount2 } from '../../lib/syscalls/mount.ts';
import { CLONE_NEWNET, setns, unshare } from '../../lib/syscalls/namespaces.ts';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
const IFREQ_BYTES = 40;
const socket = libc.func('socket', 'int', ['int', 'int', 'int']);
const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *']);

/**
 * Makes a network namespace with its loopback up and pins it to `path` by a bind mount, without any process.
 * Synchronous from end to end: the thread is back in its own namespace before anything else can run in it.
 */
export function pinNetns(path: string): void {
  const own = openSync('/proc/thread-self/ns/net', constants.O_RDONLY);
  try {
    writeFileSync(path, '', { mode: 0o444 });
    unshare(CLONE_NEWNET);
    try {
      mount({ source: '/proc/thread-self/ns/net', target: path, flags: MS_BIND });
      raiseLoopback();
    } finally {
      setns(own, CLONE_NEWNET);
    }
  } finally {
    closeSync(own);
  }
}

function raiseLoopback(): void {
  const descriptor = check(socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), 'socket');
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write('lo');
    request.writeInt16LE(IFF_UP, 16);
    check(ioctl(descriptor, SIOCSIFFLAGS, request), 'ioctl SIOCSIFFLAGS');
  } finally {
    closeSync(descriptor);
  }
}

/** Lets go of a pinned namespace; what is not there is no error. The kernel ends it with its last process. */
export async function unpinNetns(path: string): Promise<void> {
  for (;;) {
    try {
      umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    } catch (error) {
      if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error;
      break;
    }
  }
  await rm(path, { force: true });
}
