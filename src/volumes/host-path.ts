import { lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { AmphoraError } from '../lib/errors.ts';
import type { KindContext, Made } from './volume-kind.ts';

type Stats = Awaited<ReturnType<typeof stat>>;

const CHECKS: Readonly<Record<string, (stats: Stats) => boolean>> = {
  '': () => true,
  DirectoryOrCreate: (stats) => stats.isDirectory(),
  Directory: (stats) => stats.isDirectory(),
  FileOrCreate: (stats) => stats.isFile(),
  File: (stats) => stats.isFile(),
  Socket: (stats) => stats.isSocket(),
  CharDevice: (stats) => stats.isCharacterDevice(),
  BlockDevice: (stats) => stats.isBlockDevice(),
};

/** https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types */
export async function makeHostPath(context: KindContext): Promise<Made> {
  const { path, type = '' } = context.volume.hostPath ?? { path: '' };
  const check = CHECKS[type];
  if (check === undefined || !path.startsWith('/')) {
    throw new AmphoraError(
      'BadRequest',
      `hostPath ${JSON.stringify(path)} of type ${JSON.stringify(type)}: not an absolute path or not a known type`,
    );
  }
  await create(path, type);
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || !check(stats)) {
    const found = stats === undefined ? 'it does not exist' : 'it is something else';
    throw new AmphoraError(
      'BadRequest',
      `hostPath type check failed: ${path} is not a ${type || 'file or directory'}: ${found}`,
    );
  }
  return { kind: 'place', place: { kind: 'directory', path: await realpath(path) } };
}

async function create(path: string, type: string): Promise<void> {
  // Without a type the container runtimes make a directory where there is nothing; so do we.
  const present = await lstat(path).catch(() => undefined);
  if (present !== undefined) return;
  if (type === 'DirectoryOrCreate' || type === '') await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === 'FileOrCreate') await (await open(path, 'a', 0o644)).close();
}
