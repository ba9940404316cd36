import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSampleImage } from '../../src/images/sample.ts';
import { run, tryRun } from '../../src/lib/run.ts';

const IMAGE = 'localhost/amphora/bench:1';

/** Another way to start the same image. */
export interface Peer {
  readonly id: string;
  readonly what: string;
  /** Loads the image. @returns what to call to start one container and remove it, in milliseconds until it was started */
  open(): Promise<{ start(): Promise<number>; close(): Promise<void> }>;
}

export const PEERS: readonly Peer[] = [
  { id: 'docker', what: 'docker run -d, image present, bridge network', open: openDocker },
  { id: 'ctr', what: 'ctr run -d, image present, host network', open: openContainerd },
];

async function openDocker() {
  await need('docker', ['info', '--format', '{{.ServerVersion}}'], 'no docker engine answers');
  await withArchive((archive) => run('docker', ['load', '--input', archive]));
  return {
    start: async () => {
      const started = performance.now();
      const { stdout } = await run('docker', ['run', '--detach', IMAGE]);
      const elapsed = performance.now() - started;
      await run('docker', ['rm', '--force', stdout.toString().trim()]);
      return elapsed;
    },
    close: async () => {
      await tryRun('docker', ['rmi', IMAGE]);
    },
  };
}

async function openContainerd() {
  await need('ctr', ['version'], 'no containerd answers');
  await withArchive((archive) => run('ctr', ['images', 'import', archive]));
  let number = 0;
  return {
    start: async () => {
      number += 1;
      const id = `amphora-bench-${process.pid}-${number}`;
      const started = performance.now();
      await run('ctr', ['run', '--detach', IMAGE, id]);
      const elapsed = performance.now() - started;
      await tryRun('ctr', ['tasks', 'kill', '--signal', 'KILL', id]);
      await tryRun('ctr', ['tasks', 'delete', '--force', id]);
      await tryRun('ctr', ['containers', 'delete', id]);
      return elapsed;
    },
    close: async () => {
      await tryRun('ctr', ['images', 'remove', IMAGE]);
    },
  };
}

/** @throws Error that says why the peer is left out. */
async function need(program: string, args: readonly string[], otherwise: string): Promise<void> {
  const { exitCode } = await tryRun(program, args, { timeoutMs: 5000 }).catch(() => {
    throw new Error(`${program} is not installed`);
  });
  if (exitCode !== 0) throw new Error(otherwise);
}

async function withArchive<T>(use: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-peer-'));
  try {
    const archive = join(directory, 'image.tar');
    await makeSampleImage(archive, IMAGE);
    return await use(archive);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
