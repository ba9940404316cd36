import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GIB, MIB } from '../../lib/limits.ts';
import { run } from '../../lib/run.ts';
import type { SandboxSpec } from '../sandbox-spec.ts';
import type { Devices } from './devices.ts';
import { HostCgroup } from './host-cgroup.ts';
import { killProcesses } from './host-processes.ts';
import { type Accelerator, type MachineSpec, startQemu } from './qemu.ts';
import { qmp } from './qmp.ts';
import type { SandboxPaths } from './record.ts';
import { startShare } from './shares.ts';
import { makeTap, removeTap, TAP } from './tap.ts';

/** Guest kernel, its page tables and pid 1; what is left of the VM's memory is the containers'. */
export const GUEST_OVERHEAD_BYTES = 96 * MIB;
/** Memory of a VM whose pod has no limit; touched pages only cost the host. */
const DEFAULT_MEMORY_BYTES = 512 * MIB;
/** QEMU's own: code, device state, translated code under TCG. */
const QEMU_OVERHEAD_BYTES = 512 * MIB;
const SCRATCH_BYTES = 16 * GIB;
const MAX_CPUS = 16;

export interface MachineOptions {
  readonly accelerator: Accelerator;
  readonly kernelImage: string;
  readonly initramfs: string;
  readonly tscKhz: number;
  readonly user: { readonly uid: number; readonly gid: number };
  /** Where the empty scratch disk is kept that every sandbox copies. */
  readonly templates: string;
}

/** Acquires everything of a VM and starts it; what half of this leaves behind {@link removeMachine} removes. */
export async function startMachine(
  spec: SandboxSpec,
  made: { paths: SandboxPaths; devices: Devices; options: MachineOptions },
  signal: AbortSignal,
): Promise<void> {
  const { paths, devices, options } = made;
  await Promise.all([
    makeScratchDisk(paths.scratchDisk, options.templates, signal),
    prepareNetwork(spec, signal),
    ...devices.shares.map((share) => startShare(share.path, paths.share(share.tag), signal)),
  ]);
  const machine = describeMachine(spec, made);
  await startQemu(machine, signal);
  const pid = Number(await readFile(paths.pidFile, 'utf8'));
  await new HostCgroup(spec.id).join([pid], machine.memoryBytes + QEMU_OVERHEAD_BYTES);
  await qmp(paths.qmp, [{ execute: 'cont' }], signal);
}

function describeMachine(
  spec: SandboxSpec,
  { paths, devices, options }: { paths: SandboxPaths; devices: Devices; options: MachineOptions },
): MachineSpec {
  const { network, resources } = spec;
  const nic = network.kind === 'namespace' ? network.interfaces[0] : undefined;
  return {
    accelerator: options.accelerator,
    memoryBytes: (resources.memoryBytes ?? DEFAULT_MEMORY_BYTES) + GUEST_OVERHEAD_BYTES,
    cpus: Math.min(MAX_CPUS, Math.max(1, Math.ceil((resources.cpuLimitMillis ?? 0) / 1000))),
    kernel: options.kernelImage,
    initramfs: options.initramfs,
    channelSocket: paths.channel,
    qmpSocket: paths.qmp,
    pidFile: paths.pidFile,
    logFile: paths.log,
    jail: paths.jail,
    user: options.user,
    disks: devices.disks,
    ...(nic === undefined ? {} : { tap: { name: TAP, mac: nic.mac } }),
    shares: devices.shares.map((share) => ({ tag: share.tag, socket: paths.share(share.tag) })),
    ...(network.kind === 'namespace' ? { namespace: network.path } : {}),
    tscKhz: options.tscKhz,
    paused: true,
  };
}

async function prepareNetwork({ network }: SandboxSpec, signal: AbortSignal): Promise<void> {
  const nic = network.kind === 'namespace' ? network.interfaces[0] : undefined;
  if (network.kind !== 'namespace' || nic === undefined) return;
  await makeTap({ namespace: network.path, interfaceName: nic.name, mtu: nic.mtu }, signal);
}

/** A sparse copy of an empty ext4; the template is made once. */
async function makeScratchDisk(path: string, templates: string, signal: AbortSignal): Promise<void> {
  const template = join(templates, 'scratch-16g.img');
  if ((await stat(template).catch(() => undefined)) === undefined) {
    await mkdir(templates, { recursive: true });
    const fresh = `${template}.${process.pid}.${Date.now()}`;
    await run('truncate', ['-s', String(SCRATCH_BYTES), fresh], { signal });
    // Discardable, so without a journal; few inode tables, so that the sparse copy is small.
    const options = [
      '-q',
      '-F',
      '-m',
      '0',
      '-O',
      '^has_journal,^resize_inode',
      '-i',
      '65536',
      '-E',
      'lazy_itable_init=1',
    ];
    await run('mkfs.ext4', [...options, fresh], { signal });
    await rename(fresh, template);
  }
  await run('cp', ['--sparse=always', '--reflink=auto', template, path], { signal });
}

/** Ends the VM and removes all it owned on the host but its record's directories; may be repeated. */
export async function removeMachine(spec: SandboxSpec, paths: SandboxPaths): Promise<void> {
  await killProcesses([paths.run, paths.state]);
  const { network } = spec;
  const nic = network.kind === 'namespace' ? network.interfaces[0] : undefined;
  if (network.kind === 'namespace' && nic !== undefined && (await stat(network.path).catch(() => undefined)))
    await removeTap({ namespace: network.path, interfaceName: nic.name });
  await new HostCgroup(spec.id).remove();
}
