import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MNT_DETACH, MS_NODEV, MS_NOSUID, mount, umount2 } from '../lib/syscalls/mount.ts';

/** `f_type` of tmpfs, https://man7.org/linux/man-pages/man2/statfs.2.html */
const TMPFS_MAGIC = 0x01021994;

export async function isTmpfs(path: string): Promise<boolean> {
  return (await statfs(path)).type === TMPFS_MAGIC;
}

export async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== parent.dev;
}

export async function mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void> {
  const size = sizeBytes === undefined ? '' : `,size=${sizeBytes}`;
  mount({
    source: 'tmpfs',
    target: path,
    type: 'tmpfs',
    flags: MS_NOSUID | MS_NODEV,
    data: `mode=777${size}`,
  });
}

/** Unmounts everything below a directory, innermost first. */
export async function unmountBelow(root: string): Promise<void> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const points = table
    .split('\n')
    .map((line) => unescapeMountPoint(line.split(' ')[4] ?? ''))
    .filter((point) => point === root || point.startsWith(`${root}/`));
  for (const point of points.reverse()) umount2(point, MNT_DETACH);
}

/** Space, tab, newline and backslash stand as octal escapes in mountinfo. */
function unescapeMountPoint(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
