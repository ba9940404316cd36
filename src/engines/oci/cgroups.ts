import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { SandboxStats } from '../engine.ts';
import type { Resources } from '../sandbox-spec.ts';

const V1_CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'pids', 'cpuset', 'devices', 'freezer', 'blkio'];
/** Of version 2: without these a pod's limits would hold nothing. */
const NEEDED = ['cpu', 'memory', 'pids'];
/** Only kernels that can swap have it, and the others need no limit. */
const SWAP_FILE = 'memory.swap.max';
const PERIOD_US = 100_000;
const REMOVE_TRIES = 50;
const REMOVE_PAUSE_MS = 10;

/** The cgroups of sandboxes: `/amphora/pod<sandbox id>` and one child for each container, in version 1 or 2. */
export class Cgroups {
  readonly version: 1 | 2;
  /** As the OCI configuration and the kernel name it: absolute in every hierarchy. */
  readonly parent: string;
  readonly #mounts: ReadonlyMap<string, string>;
  readonly #clock: Clock;
  /** Every hierarchy: runtimes also make groups where no controller is (`systemd`, `unified`). */
  readonly #hierarchies: readonly string[];

  private constructor(
    parent: string,
    mounts: { limits: ReadonlyMap<string, string>; all: readonly string[] },
    clock: Clock,
  ) {
    this.parent = parent;
    this.version = mounts.limits.has('unified') ? 2 : 1;
    this.#mounts = mounts.limits;
    this.#hierarchies = mounts.all;
    this.#clock = clock;
  }

  static async probe(root: string, parent: string, clock: Clock): Promise<Cgroups> {
    const names = await readdir(root);
    if (names.includes('cgroup.controllers')) {
      return new Cgroups(parent, { limits: new Map([['unified', root]]), all: [root] }, clock);
    }
    const limits = V1_CONTROLLERS.filter((name) => names.includes(name)).map(
      (name) => [name, join(root, name)] as const,
    );
    return new Cgroups(
      parent,
      { limits: new Map(limits), all: names.map((name) => join(root, name)) },
      clock,
    );
  }

  pathOf(sandboxId: string): string {
    return `${this.parent}/pod${sandboxId}`;
  }

  async create(sandboxId: string, resources: Resources): Promise<void> {
    if (this.version === 2) await this.#delegate();
    await Promise.all(
      [...this.#mounts.values()].map((mount) =>
        mkdir(join(mount, this.pathOf(sandboxId)), { recursive: true }),
      ),
    );
    if (this.version === 2) await this.#requireControllers(this.pathOf(sandboxId));
    await Promise.all(
      Object.entries(podLimits(this.version, resources)).map(([file, value]) =>
        this.#set(sandboxId, file, value),
      ),
    );
    if (this.version === 2) await this.#enable(this.pathOf(sandboxId));
  }

  async #delegate(): Promise<void> {
    const root = this.#mounts.get('unified') ?? '';
    await this.#enable('');
    await mkdir(join(root, this.parent), { recursive: true });
    await this.#enable(this.parent);
  }

  async #enable(path: string): Promise<void> {
    const base = join(this.#mounts.get('unified') ?? '', path);
    for (const name of (await readFile(join(base, 'cgroup.controllers'), 'utf8')).trim().split(' ')) {
      // One by one: a controller that may not be passed on is then missing in the children, and the others are not.
      if (name !== '') await writeFile(join(base, 'cgroup.subtree_control'), `+${name}`).catch(() => {});
    }
  }

  /** @throws HostLacks */
  async #requireControllers(path: string): Promise<void> {
    const text = await readFile(join(this.#mounts.get('unified') ?? '', path, 'cgroup.controllers'), 'utf8');
    const there = new Set(text.trim().split(' '));
    const missing = NEEDED.filter((name) => !there.has(name));
    if (missing.length === 0) return;
    throw new AmphoraError(
      'HostLacks',
      `the cgroup controllers ${missing.join(', ')} do not reach the children of ${this.parent}: the kernel has them off, or a process stands in ${this.parent} or in a cgroup above it; see cgroup.controllers and cgroup.procs there`,
    );
  }

  async #set(sandboxId: string, file: string, value: string): Promise<void> {
    const path = this.#file(this.pathOf(sandboxId), file);
    if (path === undefined) return;
    // Opened and never made, so that what the kernel does not have is ENOENT.
    await writeFile(path, value, { flag: 'r+' }).catch((error: NodeJS.ErrnoException) => {
      if (file !== SWAP_FILE || error.code !== 'ENOENT') throw error;
    });
  }

  #file(path: string, file: string): string | undefined {
    const mount = this.#mounts.get(this.version === 2 ? 'unified' : (file.split('.')[0] ?? ''));
    return mount === undefined ? undefined : join(mount, path, file);
  }

  async #number(path: string, file: string): Promise<number> {
    const at = this.#file(path, file);
    const text = at === undefined ? '' : await readFile(at, 'utf8').catch(() => '');
    return Number.parseInt(text, 10) || 0;
  }

  async #keyed(path: string, file: string): Promise<Map<string, number>> {
    const at = this.#file(path, file);
    const text = at === undefined ? '' : await readFile(at, 'utf8').catch(() => '');
    return new Map(
      text.split('\n').flatMap((line) => {
        const [key, value] = line.split(' ');
        return key === undefined || value === undefined ? [] : [[key, Number(value)] as const];
      }),
    );
  }

  /** Whether the kernel killed a process of this container for want of memory. */
  async oomKilled(sandboxId: string, runtimeId: string): Promise<boolean> {
    const path = `${this.pathOf(sandboxId)}/${runtimeId}`;
    const events = await this.#keyed(path, this.version === 2 ? 'memory.events' : 'memory.oom_control');
    return (events.get('oom_kill') ?? 0) > 0;
  }

  async stats(sandboxId: string): Promise<SandboxStats> {
    const path = this.pathOf(sandboxId);
    const v2 = this.version === 2;
    const [memoryBytes, memory, pids, cpu] = await Promise.all([
      this.#number(path, v2 ? 'memory.current' : 'memory.usage_in_bytes'),
      this.#keyed(path, 'memory.stat'),
      this.#number(path, 'pids.current'),
      v2
        ? this.#keyed(path, 'cpu.stat').then((stat) => (stat.get('usage_usec') ?? 0) * 1000)
        : this.#number(path, 'cpuacct.usage'),
    ]);
    const inactive = memory.get(v2 ? 'inactive_file' : 'total_inactive_file') ?? 0;
    return {
      at: this.#clock.now(),
      cpuNanoseconds: cpu,
      memoryBytes,
      workingSetBytes: Math.max(0, memoryBytes - inactive),
      pids,
    };
  }

  /** Every process in the cgroups of a sandbox. */
  async processes(sandboxId: string): Promise<readonly number[]> {
    const found = new Set<number>();
    const read = async (folder: string): Promise<void> => {
      const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
      for (const pid of text.split('\n')) if (pid !== '') found.add(Number(pid));
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) await read(join(folder, entry.name));
    };
    for (const mount of this.#hierarchies) await read(join(mount, this.pathOf(sandboxId)));
    return [...found];
  }

  /** Removes the cgroups of a sandbox; the kernel says busy until the last process is reaped. */
  async remove(sandboxId: string): Promise<void> {
    for (const mount of this.#hierarchies) await this.#removeTree(join(mount, this.pathOf(sandboxId)));
  }

  async #removeTree(folder: string): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await this.#removeTree(join(folder, entry.name));
    for (let tries = REMOVE_TRIES; ; tries--) {
      try {
        return await rmdir(folder);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code; // rmdir rejects with nothing else
        if (code === 'ENOENT') return;
        if (code !== 'EBUSY' || tries === 0) throw error;
        await this.#clock.sleep(REMOVE_PAUSE_MS);
      }
    }
  }
}

/** Cgroup files and their values for the limits of a whole pod. */
export function podLimits(version: 1 | 2, resources: Resources): Record<string, string> {
  const { memoryBytes, cpuLimitMillis, pids } = resources;
  const shares = sharesOf(resources.cpuRequestMillis);
  const quota =
    cpuLimitMillis === undefined ? undefined : Math.max(1000, cpuLimitMillis * (PERIOD_US / 1000));
  const limits: Record<string, string | undefined> =
    version === 1
      ? {
          'memory.limit_in_bytes': memoryBytes?.toString(),
          'cpu.shares': shares?.toString(),
          'cpu.cfs_quota_us': quota?.toString(),
          'pids.max': pids?.toString(),
        }
      : {
          'memory.max': memoryBytes?.toString(),
          // What does not fit is not swapped out, as Kubernetes has it.
          [SWAP_FILE]: memoryBytes === undefined ? undefined : '0',
          'cpu.weight': shares === undefined ? undefined : weightOf(shares).toString(),
          'cpu.max': quota === undefined ? undefined : `${quota} ${PERIOD_US}`,
          'pids.max': pids?.toString(),
        };
  return Object.fromEntries(
    Object.entries(limits).filter((one): one is [string, string] => one[1] !== undefined),
  );
}

export function sharesOf(cpuRequestMillis: number | undefined): number | undefined {
  return cpuRequestMillis === undefined
    ? undefined
    : Math.min(262_144, Math.max(2, Math.floor((cpuRequestMillis * 1024) / 1000)));
}

/** Shares 2…262144 onto weight 1…10000, as runc and crun do. */
function weightOf(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}
