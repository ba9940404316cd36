import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * Where an engine keeps what. Everything a sandbox owns has a name that follows from its id, so that the record
 * written first is enough to find and undo all of it after a crash.
 */
export interface Layout {
  /** Does not survive a reboot: records, bundles, mounts, sockets, exit files. */
  readonly run: string;
  /** Writable layers. */
  readonly state: string;
  readonly exits: string;
  readonly sockets: string;
}

export function layout(runDirectory: string, stateDirectory: string): Layout {
  return {
    run: join(runDirectory, 'sandboxes'),
    state: join(stateDirectory, 'layers'),
    exits: join(runDirectory, 'exits'),
    sockets: join(runDirectory, 's'),
  };
}

/** What one sandbox owns. */
export function sandboxPaths(at: Layout, id: string) {
  const base = join(at.run, id);
  return {
    base,
    record: join(base, 'sandbox.json'),
    containers: join(base, 'c'),
    uts: join(base, 'uts'),
    ipc: join(base, 'ipc'),
    shm: join(base, 'shm'),
    hosts: join(base, 'hosts'),
    hostname: join(base, 'hostname'),
    resolv: join(base, 'resolv.conf'),
    layers: join(at.state, id),
  };
}

/** What one attempt of one container owns. */
export function attemptPaths(at: Layout, id: string, attempt: { name: string; attempt: number }) {
  const folder = `${attempt.name}.${attempt.attempt}`;
  const bundle = join(at.run, id, 'c', folder);
  const runtimeId = runtimeIdOf(id, folder);
  return {
    bundle,
    runtimeId,
    record: join(bundle, 'container.json'),
    config: join(bundle, 'config.json'),
    rootfs: join(bundle, 'rootfs'),
    staged: join(bundle, 'm'),
    pidFile: join(bundle, 'pid'),
    conmonPidFile: join(bundle, 'conmon.pid'),
    started: join(bundle, 'started'),
    failure: join(bundle, 'failure.json'),
    termination: join(bundle, 'termination-log'),
    control: join(bundle, 'ctl'),
    layer: join(at.state, id, folder),
    exit: join(at.exits, runtimeId),
    socketLink: join(at.sockets, runtimeId),
  };
}

export type AttemptPaths = ReturnType<typeof attemptPaths>;
export type SandboxPaths = ReturnType<typeof sandboxPaths>;

/** Short, because socket paths end at 107 bytes and pod UIDs with container names don't. */
function runtimeIdOf(id: string, folder: string): string {
  return `a${createHash('sha256').update(`${id}/${folder}`).digest('hex').slice(0, 19)}`;
}
