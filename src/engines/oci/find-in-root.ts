import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { O_PATH, openInRoot } from '../../lib/syscalls/files.ts';
import { isErrno } from '../../lib/syscalls/libc.ts';
import type { ContainerSpec } from '../sandbox-spec.ts';

const ANY_EXECUTE = 0o111;

/**
 * Why a container's program can't be run, as far as its root tells; undefined when it can, or when it may lie in a
 * volume. For runtimes that say so only after they have reported success.
 */
export function whyNotRunnable(root: string, { process, mounts }: ContainerSpec): string | undefined {
  const [program] = process.args;
  const path =
    process.env.find((line) => line.startsWith('PATH='))?.slice(5) ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  const places = program.includes('/')
    ? [join('/', process.cwd, program)]
    : path.split(':').map((folder) => join(folder, program));
  const candidates = program.startsWith('/') ? [program] : places;
  if (candidates.some((one) => mounts.some(({ destination }) => one.startsWith(`${destination}/`))))
    return undefined;
  let found = 'no such file or directory';
  const descriptor = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const candidate of candidates) {
      const kind = look(descriptor, candidate);
      if (kind === 'runnable') return undefined;
      if (kind === 'not executable') found = 'permission denied: not an executable file';
    }
  } finally {
    closeSync(descriptor);
  }
  return `exec ${JSON.stringify(program)}: ${found}`;
}

function look(root: number, path: string): 'missing' | 'not executable' | 'runnable' {
  try {
    const descriptor = openInRoot(root, path, O_PATH);
    const about = fstatSync(descriptor);
    closeSync(descriptor);
    return about.isFile() && (about.mode & ANY_EXECUTE) !== 0 ? 'runnable' : 'not executable';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) return 'missing';
    throw error;
  }
}
