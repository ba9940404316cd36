import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/files.ts';
import type { ContainerSpec, SandboxSpec } from '../sandbox-spec.ts';

/** What is on disk about a sandbox; written before anything of it is acquired. */
export interface SandboxRecord {
  readonly format: 1;
  readonly spec: SandboxSpec;
  phase: 'making' | 'ready' | 'lost';
  kernel?: string;
  nextProcess: number;
  /** Newest attempt of each container, by name. */
  containers: Record<string, ContainerRecord>;
}

export interface ContainerRecord {
  readonly spec: ContainerSpec;
  /** The number the guest knows it by. */
  readonly process: number;
  startedAt?: number;
  ended?: { finishedAt: number; exitCode: number; oomKilled: boolean; message: string };
}

/** The paths of one sandbox: `state` survives a reboot and must be cleaned up after it, `run` does not. */
export class SandboxPaths {
  readonly state: string;
  readonly run: string;

  constructor(directories: { stateDirectory: string; runDirectory: string }, id: string) {
    this.state = join(directories.stateDirectory, 'sandboxes', id);
    this.run = join(directories.runDirectory, id);
  }

  get record(): string {
    return join(this.state, 'record.json');
  }
  get scratchDisk(): string {
    return join(this.state, 'scratch.img');
  }
  get channel(): string {
    return join(this.run, 'channel');
  }
  get qmp(): string {
    return join(this.run, 'qmp');
  }
  get pidFile(): string {
    return join(this.run, 'qemu.pid');
  }
  get log(): string {
    return join(this.run, 'qemu.log');
  }
  get jail(): string {
    return join(this.run, 'jail');
  }
  share(tag: string): string {
    return join(this.run, tag);
  }

  async make(): Promise<void> {
    await mkdir(this.state, { recursive: true, mode: 0o700 });
    await mkdir(this.jail, { recursive: true, mode: 0o700 });
  }

  async remove(): Promise<void> {
    await rm(this.run, { recursive: true, force: true });
    await rm(this.state, { recursive: true, force: true });
  }
}

export async function saveRecord(paths: SandboxPaths, record: SandboxRecord): Promise<void> {
  await writeFileAtomic(paths.record, JSON.stringify(record), 0o600);
}

/** Undefined when there is none, or one that was torn before anything was acquired. */
export async function loadRecord(paths: SandboxPaths): Promise<SandboxRecord | undefined> {
  const text = await readFile(paths.record, 'utf8').catch(() => '');
  // We wrote it ourselves, atomically, in a directory only we can enter.
  return text === '' ? undefined : (JSON.parse(text) as SandboxRecord);
}

export async function listSandboxIds(stateDirectory: string): Promise<readonly string[]> {
  return await readdir(join(stateDirectory, 'sandboxes')).catch(() => []);
}
