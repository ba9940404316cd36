import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import {
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  mount,
} from '../lib/syscalls/mount.ts';

/**
 * Makes one block image of the layers that lie over each other. Run in a mount namespace of its own (by `unshare`),
 * so that nothing stays mounted however it ends.
 */
export interface MergeOptions {
  /** Topmost first. */
  readonly directories: readonly string[];
  readonly output: string;
  /** File system UUID, from the content, so that the same layers give the same bytes. */
  readonly uuid: string;
}

function main(): void {
  // The parent is the only caller and writes exactly this.
  const options = JSON.parse(process.argv[2] ?? '{}') as MergeOptions;
  mount({ source: 'none', target: '/', flags: MS_REC | MS_PRIVATE });
  // A small file system of our own holds short names for the layers: all must fit into one page of mount options.
  mount({
    source: 'tmpfs',
    target: '/mnt',
    type: 'tmpfs',
    flags: MS_NOSUID | MS_NODEV,
    data: 'size=1m,mode=700',
  });
  process.chdir('/mnt');
  const names = options.directories.map((directory, index) => {
    symlinkSync(directory, String(index));
    return String(index);
  });
  // overlayfs wants two layers when there is none to write to.
  mkdirSync('empty');
  mkdirSync('merged');
  const flags = MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC;
  const data = `lowerdir=${[...names, 'empty'].join(':')}`;
  mount({ source: 'overlay', target: 'merged', type: 'overlay', flags, data });
  const made = spawnSync('mkfs.erofs', ['-U', options.uuid, '--', options.output, 'merged'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (made.error !== undefined) throw made.error;
  process.exitCode = made.status ?? 1;
}

main();
