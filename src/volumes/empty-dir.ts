import { chmod, chown, mkdir } from 'node:fs/promises';
import { toBytes } from '../api/quantity.ts';
import { isMountPoint, mountTmpfs } from './mounts.ts';
import type { KindContext, Made } from './volume-kind.ts';

/** A directory that lives as long as the pod; with medium Memory, a tmpfs of its own. */
export async function makeEmptyDir(context: KindContext): Promise<Made> {
  const { medium = '', sizeLimit } = context.volume.emptyDir ?? {};
  const path = context.diskPath;
  const sizeBytes = sizeLimit === undefined ? undefined : toBytes(sizeLimit);
  const gid = context.pod.spec?.securityContext?.fsGroup;
  await mkdir(path, { recursive: true });
  if (medium === 'Memory' && !(await isMountPoint(path))) await mountTmpfs(path, sizeBytes);
  if (gid !== undefined) await chown(path, 0, gid);
  // mkdir's mode is cut by the umask; the set-group bit makes new files belong to fsGroup.
  await chmod(path, gid === undefined ? 0o777 : 0o2777);
  return {
    kind: 'place',
    place: {
      kind: 'scratch',
      path,
      medium: medium === 'Memory' ? 'memory' : 'disk',
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
    },
  };
}
