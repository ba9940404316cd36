import { closeSync, constants } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import {
  mkdirat,
  O_PATH,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from '../../lib/syscalls/files.ts';
import { isErrno } from '../../lib/syscalls/libc.ts';
import { MS_BIND, MS_REC, mount } from '../../lib/syscalls/mount.ts';
import type { ContainerSpec, Mount, SandboxSpec } from '../sandbox-spec.ts';
import type { OciMount } from './config.ts';
import type { AttemptPaths } from './paths.ts';

const PROPAGATION = { private: 'rprivate', hostToContainer: 'rslave', bidirectional: 'rshared' } as const;
const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

/** The volumes of a container as OCI mounts. A sub path is pinned by a bind mount of ours, so that nobody can swap it. */
export async function volumeMounts(
  sandbox: SandboxSpec,
  container: ContainerSpec,
  paths: AttemptPaths,
): Promise<OciMount[]> {
  const mounts: OciMount[] = [];
  for (const [index, one] of container.mounts.entries()) {
    const volume = sandbox.volumes[one.volume];
    if (volume === undefined) {
      throw new AmphoraError(
        'BadRequest',
        `container ${container.name} mounts volume ${one.volume}, which the sandbox does not have`,
      );
    }
    const source =
      one.subPath === '' ? volume.path : await pin(volume.path, one, join(paths.staged, String(index)));
    const options = ['rbind', PROPAGATION[one.propagation], one.readOnly ? 'ro' : 'rw'];
    mounts.push({ destination: one.destination, type: 'bind', source, options });
  }
  return mounts;
}

async function pin(root: string, { subPath }: Mount, at: string): Promise<string> {
  const descriptor = openBelow(root, subPath);
  try {
    const source = `/proc/self/fd/${descriptor}`;
    await mkdir(join(at, '..'), { recursive: true });
    if ((await stat(source)).isDirectory()) await mkdir(at);
    else await writeFile(at, '');
    mount({ source, target: at, flags: MS_BIND | MS_REC });
    return at;
  } finally {
    closeSync(descriptor);
  }
}

/** Opens a path below a root, making the directories that are missing. @throws BadRequest when it leaves the root. */
function openBelow(root: string, subPath: string): number {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  const base = openat2(-100, root, { flags: O_PATH | constants.O_DIRECTORY, resolve: 0 });
  try {
    for (let depth = 0; depth <= parts.length; depth++) {
      const path = parts.slice(0, depth).join('/') || '.';
      const parent = parts.slice(0, depth - 1).join('/') || '.';
      const descriptor = openOrMake(base, path, { parent, name: parts[depth - 1] ?? '.' });
      if (depth === parts.length) return descriptor;
      closeSync(descriptor);
    }
    throw new AmphoraError('Internal', `no part of ${subPath} was opened`);
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'ELOOP', 'ENOTDIR', 'ENOENT')) throw error;
    throw new AmphoraError(
      'BadRequest',
      `subPath ${JSON.stringify(subPath)} leaves its volume or is no path in it`,
      {
        cause: error,
      },
    );
  } finally {
    closeSync(base);
  }
}

function openOrMake(base: number, path: string, missing: { parent: string; name: string }): number {
  try {
    return openat2(base, path, { flags: O_PATH, resolve: RESOLVE });
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    const parent = openat2(base, missing.parent, { flags: O_PATH | constants.O_DIRECTORY, resolve: RESOLVE });
    try {
      mkdirat(parent, missing.name, 0o755);
    } catch (made) {
      if (!isErrno(made, 'EEXIST')) throw made;
    } finally {
      closeSync(parent);
    }
    return openat2(base, path, { flags: O_PATH, resolve: RESOLVE });
  }
}
