import { check, cstring, libc } from './libc.ts';
import { mount } from './mount.ts';

const SYS_MOVE_MOUNT = 429;
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;
const AT_FDCWD = -100;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
/** mount(2) takes one page of options; what does not fit goes layer by layer through fsconfig(2). */
const MOST_OPTION_BYTES = 4000;

const fsopen = libc.func('syscall', 'long', ['long', 'const void *', 'long']);
const fsconfig = libc.func('syscall', 'long', [
  'long',
  'long',
  'long',
  'const void *',
  'const void *',
  'long',
]);
const fsmount = libc.func('syscall', 'long', ['long', 'long', 'long', 'long']);
const moveMount = libc.func('syscall', 'long', [
  'long',
  'long',
  'const void *',
  'long',
  'const void *',
  'long',
]);
const close = libc.func('close', 'int', ['int']);

export interface OverlayOptions {
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  readonly target: string;
}

/** Mounts an overlay file system. More layers than fit one page of options need Linux 6.8 or newer (`lowerdir+`). */
export function mountOverlay(options: OverlayOptions): void {
  const data = `lowerdir=${options.lower.map(escaped).join(':')},upperdir=${escaped(options.upper)},workdir=${escaped(options.work)}`;
  if (Buffer.byteLength(data) <= MOST_OPTION_BYTES) {
    mount({ source: 'overlay', target: options.target, type: 'overlay', flags: 0, data });
    return;
  }
  const context = check(fsopen(SYS_FSOPEN, cstring('overlay'), CLOEXEC), 'fsopen');
  try {
    const set = (key: string, value: string) =>
      check(
        fsconfig(SYS_FSCONFIG, context, FSCONFIG_SET_STRING, cstring(key), cstring(value), 0),
        'fsconfig',
        value,
      );
    for (const lower of options.lower) set('lowerdir+', lower);
    set('upperdir', options.upper);
    set('workdir', options.work);
    check(fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0), 'fsconfig create');
    const tree = check(fsmount(SYS_FSMOUNT, context, CLOEXEC, 0), 'fsmount');
    try {
      const moved = moveMount(
        SYS_MOVE_MOUNT,
        tree,
        cstring(''),
        AT_FDCWD,
        cstring(options.target),
        MOVE_MOUNT_F_EMPTY_PATH,
      );
      check(moved, 'move_mount', options.target);
    } finally {
      close(tree);
    }
  } finally {
    close(context);
  }
}

/** Overlay splits its options at colons and commas. */
function escaped(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&');
}
