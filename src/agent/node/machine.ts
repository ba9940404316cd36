import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';

/** What the machine is and has. */
export interface MachineFacts {
  readonly bootId: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly kernel: string;
  readonly osImage: string;
  /** As Go names it: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

export async function machineFacts(bootId: string): Promise<MachineFacts> {
  const [machineId, systemUuid, osRelease, disk] = await Promise.all([
    read('/etc/machine-id'),
    read('/sys/class/dmi/id/product_uuid'),
    read('/etc/os-release'),
    statfs('/var/lib').catch(() => undefined),
  ]);
  const pretty = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1];
  const machine = arch();
  return {
    bootId,
    machineId,
    systemUuid: systemUuid || machineId,
    kernel: release(),
    osImage: pretty ?? 'Linux',
    architecture: machine === 'x64' ? 'amd64' : machine,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: disk === undefined ? 0 : disk.blocks * disk.bsize,
  };
}

async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
