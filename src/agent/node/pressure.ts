import { readFile, statfs } from 'node:fs/promises';
import { KIB, LIMITS } from '../../lib/limits.ts';

/** What a node runs short of. */
export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pids: boolean;
}

/** What pressure is judged by; absent where the machine does not say. */
export interface Levels {
  readonly memoryAvailableBytes?: number;
  /** Of the file system that holds images and writable layers, from 0 to 1. */
  readonly diskFree?: number;
  readonly inodesFree?: number;
  /** Tasks there are and may be. */
  readonly tasks?: number;
  readonly tasksMax?: number;
}

/** With kubelet's thresholds for hard eviction. Pure. */
export function pressureOf(levels: Levels): Pressure {
  const { memoryAvailableBytes, diskFree = 1, inodesFree = 1, tasks = 0, tasksMax } = levels;
  return {
    memory: memoryAvailableBytes !== undefined && memoryAvailableBytes < LIMITS.pressureMemoryBytes,
    disk: diskFree < LIMITS.pressureDiskFree || inodesFree < LIMITS.pressureInodesFree,
    pids: tasksMax !== undefined && tasks > tasksMax * (1 - LIMITS.pressurePidsFree),
  };
}

/** @param directory on the file system that is asked for its space */
export async function readLevels(directory: string): Promise<Levels> {
  const [memory, load, pidMax, threadsMax, disk] = await Promise.all([
    read('/proc/meminfo'),
    read('/proc/loadavg'),
    read('/proc/sys/kernel/pid_max'),
    read('/proc/sys/kernel/threads-max'),
    statfs(directory).catch(() => undefined),
  ]);
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(memory)?.[1];
  const tasks = /\/(\d+) /.exec(load)?.[1];
  const most = [pidMax, threadsMax].map(Number).filter((one) => one > 0);
  return {
    ...(available === undefined ? {} : { memoryAvailableBytes: Number(available) * KIB }),
    ...(tasks === undefined ? {} : { tasks: Number(tasks) }),
    ...(most.length === 0 ? {} : { tasksMax: Math.min(...most) }),
    ...(disk === undefined || disk.blocks === 0 ? {} : { diskFree: disk.bavail / disk.blocks }),
    // File systems that make inodes as they go say that they have none.
    ...(disk === undefined || disk.files === 0 ? {} : { inodesFree: disk.ffree / disk.files }),
  };
}

async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
