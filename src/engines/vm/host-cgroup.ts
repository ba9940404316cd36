import { mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
const PARENT = 'amphora-vm';
const V1_CONTROLLERS = ['memory', 'pids', 'cpuacct'] as const;
/** QEMU has a few threads per virtual CPU and per busy disk. */
const MAX_THREADS = '256';
const REMOVE_TRIES = 100;
const REMOVE_WAIT_MS = 10;

/** The host's cgroup of one QEMU, in whichever version the host has its controllers. */
export class HostCgroup {
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  async #directories(): Promise<readonly { path: string; v2: boolean }[]> {
    const v2 = await readFile(join(ROOT, 'cgroup.controllers'), 'utf8').catch(() => undefined);
    if (v2 !== undefined) return [{ path: join(ROOT, PARENT, this.#id), v2: true }];
    return V1_CONTROLLERS.map((controller) => ({
      path: join(ROOT, controller, PARENT, this.#id),
      v2: false,
    }));
  }

  /** Makes the group with its limits and moves the processes into it. */
  async join(pids: readonly number[], memoryBytes: number): Promise<void> {
    for (const { path, v2 } of await this.#directories()) {
      if (v2) {
        await mkdir(join(ROOT, PARENT), { recursive: true });
        await writeFile(join(ROOT, 'cgroup.subtree_control'), '+memory +pids').catch(() => {});
        await writeFile(join(ROOT, PARENT, 'cgroup.subtree_control'), '+memory +pids');
      }
      await mkdir(path, { recursive: true });
      if (v2 || path.includes('/memory/'))
        await writeFile(join(path, v2 ? 'memory.max' : 'memory.limit_in_bytes'), String(memoryBytes));
      if (v2 || path.includes('/pids/')) await writeFile(join(path, 'pids.max'), MAX_THREADS);
      for (const pid of pids) await writeFile(join(path, 'cgroup.procs'), String(pid));
    }
  }

  async usage(): Promise<{ memoryBytes: number; cpuNanoseconds: number }> {
    const usage = { memoryBytes: 0, cpuNanoseconds: 0 };
    for (const { path, v2 } of await this.#directories()) {
      const read = async (name: string) => await readFile(join(path, name), 'utf8').catch(() => '');
      const memory = Number(await read(v2 ? 'memory.current' : 'memory.usage_in_bytes'));
      const cpu = v2
        ? Number(/usage_usec (\d+)/.exec(await read('cpu.stat'))?.[1] ?? 0) * 1000
        : Number(await read('cpuacct.usage'));
      usage.memoryBytes = Math.max(usage.memoryBytes, memory);
      usage.cpuNanoseconds = Math.max(usage.cpuNanoseconds, cpu);
    }
    return usage;
  }

  /** Removes the group, which must be empty or about to be. */
  async remove(): Promise<void> {
    for (const { path } of await this.#directories()) {
      for (let tries = 0; tries < REMOVE_TRIES; tries++) {
        if ((await stat(path).catch(() => undefined)) === undefined) break;
        const done = await rmdir(path).then(
          () => true,
          () => false,
        );
        if (done) break;
        await new Promise((resolve) => setTimeout(resolve, REMOVE_WAIT_MS));
      }
      await rmdir(dirname(path)).catch(() => {}); // The parent goes with its last child, and stays while there is another.
    }
  }
}
