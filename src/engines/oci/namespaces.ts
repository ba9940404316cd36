import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { check, libc } from '../../lib/syscalls/libc.ts';
import { MS_BIND, mount } from '../../lib/syscalls/mount.ts';
import { CLONE_NEWIPC, CLONE_NEWUTS, setns, unshare } from '../../lib/syscalls/namespaces.ts';
import type { SandboxPaths } from './paths.ts';

const sethostname = libc.func('sethostname', 'int', ['const char *', 'size_t']);

/**
 * Makes the host name and IPC namespaces of a sandbox and pins them by bind mounts, without any process.
 * Synchronous from end to end, so nothing else ever runs in the namespaces; the calling thread is back before it returns.
 */
export function pinNamespaces(paths: SandboxPaths, hostname: string): void {
  const uts = openSync('/proc/thread-self/ns/uts', constants.O_RDONLY);
  const ipc = openSync('/proc/thread-self/ns/ipc', constants.O_RDONLY);
  try {
    for (const path of [paths.uts, paths.ipc]) writeFileSync(path, '');
    unshare(CLONE_NEWUTS | CLONE_NEWIPC);
    try {
      check(sethostname(hostname, Buffer.byteLength(hostname)), 'sethostname');
      mount({ source: '/proc/thread-self/ns/uts', target: paths.uts, flags: MS_BIND });
      mount({ source: '/proc/thread-self/ns/ipc', target: paths.ipc, flags: MS_BIND });
    } finally {
      setns(uts, CLONE_NEWUTS);
      setns(ipc, CLONE_NEWIPC);
    }
  } finally {
    closeSync(uts);
    closeSync(ipc);
  }
}
