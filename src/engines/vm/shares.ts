import { spawn } from 'node:child_process';
import { access, open, stat } from 'node:fs/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';

/** Where Debian 12 has QEMU's own program, and where later distributions have its successor. */
const PROGRAMS = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'] as const;
const APPEAR_MS = 5 * SECOND_MS;

/**
 * Shares one directory of the host over virtiofs. The program ends by itself when QEMU does.
 * @throws HostLacks without virtiofsd, NotImplemented for a share that is no directory.
 */
export async function startShare(path: string, socket: string, signal: AbortSignal): Promise<void> {
  const program = await findVirtiofsd();
  if (program === undefined)
    throw new AmphoraError(
      'HostLacks',
      "sharing a directory with a microVM needs virtiofsd: install 'virtiofsd' or 'qemu-system-common'",
    );
  if (!(await stat(path)).isDirectory())
    throw new AmphoraError(
      'NotImplemented',
      `${path} is not a directory; a microVM shares directories only: mount the directory it is in, with a subPath`,
    );
  const args =
    program === PROGRAMS[0]
      ? [
          '-f',
          `--socket-path=${socket}`,
          '-o',
          `source=${path}`,
          '-o',
          'cache=none',
          '-o',
          'xattr',
          '--rlimit-nofile=0',
        ]
      : [`--socket-path=${socket}`, `--shared-dir=${path}`, '--cache=never', '--xattr'];
  const log = await open(`${socket}.log`, 'a', 0o600);
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd], env: {} });
  let failed = false;
  child.once('error', () => {
    failed = true;
  });
  child.once('exit', () => {
    failed = true;
  });
  child.unref();
  await log.close();
  const deadline = Date.now() + APPEAR_MS;
  while ((await stat(socket).catch(() => undefined)) === undefined) {
    signal.throwIfAborted();
    if (failed || Date.now() > deadline)
      throw new AmphoraError('ProcessFailed', `virtiofsd for ${path} did not come up`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export async function findVirtiofsd(): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    const there = await access(program).then(
      () => true,
      () => false,
    );
    if (there) return program;
  }
  return undefined;
}
