import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Version = 1 | 2;

const ROOT = '/sys/fs/cgroup';
const PARENT = 'amphora-test';
const LIMIT_FILES = {
  1: ['memory.limit_in_bytes', 'cpu.cfs_quota_us', 'cpu.shares', 'pids.max'],
  2: ['memory.max', 'memory.swap.max', 'memory.oom.group', 'cpu.max', 'cpu.weight', 'pids.max'],
} as const;

/** The cgroups of one sandbox, as the kernel shows them. */
export class Groups {
  readonly #version: Version;
  readonly #sandbox: string;

  constructor(version: Version, sandboxId: string) {
    this.#version = version;
    this.#sandbox = `pod${sandboxId}`;
  }

  /** @param controller of version 1; version 2 has one hierarchy for all. */
  #folder(controller: string, child: string): string {
    return join(ROOT, this.#version === 1 ? controller : '.', PARENT, this.#sandbox, child);
  }

  async #read(file: string, child = ''): Promise<string> {
    const controller = file.split('.')[0] ?? '';
    return (await readFile(join(this.#folder(controller, child), file), 'utf8')).trim();
  }

  /** The folder of the only container. */
  async child(): Promise<string> {
    const entries = await readdir(this.#folder('memory', ''), { withFileTypes: true });
    const [name, ...others] = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    assert.deepEqual(others, []);
    assert.ok(name, 'the container has a cgroup');
    return name;
  }

  async limits(child: string): Promise<Record<string, string>> {
    const files = LIMIT_FILES[this.#version];
    return Object.fromEntries(
      await Promise.all(files.map(async (file) => [file, await this.#read(file, child)] as const)),
    );
  }

  /** Of the controllers for limits, those which every level passes on to the next. */
  async delegated(): Promise<string[]> {
    const levels = ['.', PARENT, join(PARENT, this.#sandbox)];
    const texts = await Promise.all(
      levels.map((level) => readFile(join(ROOT, level, 'cgroup.subtree_control'), 'utf8')),
    );
    const sets = texts.map((text) => text.trim().split(' '));
    return ['cpu', 'memory', 'pids'].filter((name) => sets.every((set) => set.includes(name)));
  }

  /** How often the pod was held for having used its share up, and what it used until when. */
  async cpu(): Promise<{ throttled: number; usedNs: number; atNs: number }> {
    const stat = await this.#read('cpu.stat');
    return {
      throttled: numberIn(stat, 'nr_throttled'),
      usedNs: (await this.usage()).cpuNs,
      atNs: Number(process.hrtime.bigint()),
    };
  }

  async usage(): Promise<{ memoryBytes: number; cpuNs: number }> {
    if (this.#version === 1) {
      return {
        memoryBytes: Number(await this.#read('memory.usage_in_bytes')),
        cpuNs: Number(await this.#read('cpuacct.usage')),
      };
    }
    return {
      memoryBytes: Number(await this.#read('memory.current')),
      cpuNs: numberIn(await this.#read('cpu.stat'), 'usage_usec') * 1000,
    };
  }

  /** Pids in the cgroup of the only container. */
  async processes(): Promise<string[]> {
    const folder = this.#folder('memory', await this.child());
    return (await readFile(join(folder, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean);
  }
}

function numberIn(stat: string, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1]);
}
