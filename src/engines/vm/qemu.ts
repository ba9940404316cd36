import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import { run } from '../../lib/run.ts';

export type Accelerator = 'kvm' | 'tcg';

/** Everything a microVM is made of; plain values. */
export interface MachineSpec {
  readonly accelerator: Accelerator;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly kernel: string;
  readonly initramfs: string;
  readonly channelSocket: string;
  readonly qmpSocket: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** An empty directory that QEMU cannot leave after its start. */
  readonly jail: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly disks: readonly { readonly path: string; readonly serial: string; readonly readOnly: boolean }[];
  readonly tap?: { readonly name: string; readonly mac: string };
  readonly shares: readonly { readonly tag: string; readonly socket: string }[];
  /** The network namespace to start in. */
  readonly namespace?: string;
  /** How fast the host's time stamp counter counts, which without KVM is the guest's; 0 when not known. */
  readonly tscKhz: number;
  /** Waits for QMP's `cont` before the first instruction. */
  readonly paused: boolean;
}

const QEMU = 'qemu-system-x86_64';
/** How long QEMU may take to set itself up. */
const START_MS = 15 * SECOND_MS;
const LOOK_AGAIN_MS = 2;
/** virtio-mmio places of the microvm machine, less the channel's. */
export const DEVICE_SLOTS = 22;

/**
 * The guest's kernel command line. Everything here saves time at boot or makes an end an end; nothing takes a
 * protection away. Without `console=` no byte crosses a UART, which costs an exit each.
 */
const KERNEL_ARGUMENTS =
  'quiet loglevel=0 panic=-1 reboot=t random.trust_cpu=on 8250.nr_uarts=0 no_timer_check rcupdate.rcu_expedited=1 cgroup_no_v1=all';

/** The arguments of QEMU: docs/designs/guest-protocol.md for the port, architecture.md for the machine. */
export function qemuArguments(spec: MachineSpec): string[] {
  const shared = spec.shares.length > 0;
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    // ACPI is how the distribution's kernel finds virtio-mmio; pit, pic and rtc are what it keeps time by without KVM.
    ...[
      '-machine',
      `microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=off${shared ? ',memory-backend=ram' : ''}`,
    ],
    // virtiofsd takes no legacy virtio, which is what virtio-mmio is without this.
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-accel', spec.accelerator, '-cpu', spec.accelerator === 'kvm' ? 'host' : 'max'],
    ...['-smp', String(spec.cpus), '-m', `${Math.ceil(spec.memoryBytes / 1048576)}M`],
    ...(shared
      ? ['-object', `memory-backend-memfd,id=ram,share=on,size=${Math.ceil(spec.memoryBytes / 1048576)}M`]
      : []),
    ...['-kernel', spec.kernel, '-initrd', spec.initramfs, '-append', kernelArguments(spec)],
    ...['-runas', `${spec.user.uid}:${spec.user.gid}`, '-chroot', spec.jail],
    // elevateprivileges stays open, because -runas comes after the filter; without rights there is nothing to elevate with.
    ...['-sandbox', 'on,obsolete=deny,spawn=deny,resourcecontrol=deny'],
    ...['-pidfile', spec.pidFile, '-D', spec.logFile],
    ...[
      '-chardev',
      `socket,id=qmp,path=${spec.qmpSocket},server=on,wait=off`,
      '-mon',
      'chardev=qmp,mode=control',
    ],
    ...['-device', 'virtio-serial-device', '-device', 'virtserialport,chardev=channel,name=amphora'],
    ...['-chardev', `socket,id=channel,path=${spec.channelSocket},server=on,wait=off`],
    ...spec.disks.flatMap(diskArguments),
    ...(spec.tap === undefined ? [] : tapArguments(spec.tap)),
    ...spec.shares.flatMap((share) => [
      ...['-chardev', `socket,id=${share.tag},path=${share.socket}`],
      ...['-device', `vhost-user-fs-device,chardev=${share.tag},tag=${share.tag}`],
    ]),
    ...(spec.paused ? ['-S'] : []),
  ];
}

/**
 * Under TCG the guest is told the counter's speed: measuring it against the emulated timer fails on a busy host and
 * leaves a guest that never ticks. `reliable` because the watchdog would compare it with that same timer.
 */
function kernelArguments(spec: MachineSpec): string {
  if (spec.accelerator === 'kvm' || spec.tscKhz === 0) return KERNEL_ARGUMENTS;
  return `${KERNEL_ARGUMENTS} tsc=reliable tsc_early_khz=${spec.tscKhz}`;
}

function diskArguments(disk: MachineSpec['disks'][number]): string[] {
  const cache = disk.readOnly ? 'read-only=on' : 'cache=unsafe,discard=unmap,detect-zeroes=unmap';
  return [
    ...[
      '-drive',
      `if=none,id=${disk.serial},file=${disk.path.replaceAll(',', ',,')},format=raw,file.locking=off,${cache}`,
    ],
    ...['-device', `virtio-blk-device,drive=${disk.serial},serial=${disk.serial}`],
  ];
}

function tapArguments(tap: NonNullable<MachineSpec['tap']>): string[] {
  return [
    ...['-netdev', `tap,id=net,ifname=${tap.name},script=no,downscript=no`],
    ...['-device', `virtio-net-device,netdev=net,mac=${tap.mac}`],
  ];
}

/**
 * Starts QEMU in a session of its own, which survives us; when this resolves its sockets are open. Not with `-daemonize`:
 * QEMU's own seccomp filter forbids the fork.
 */
export async function startQemu(spec: MachineSpec, signal: AbortSignal): Promise<void> {
  const args = qemuArguments(spec);
  const [program, ...rest] =
    spec.namespace === undefined
      ? [QEMU, ...args]
      : ['nsenter', `--net=${spec.namespace}`, '--', QEMU, ...args];
  const log = await open(spec.logFile, 'a', 0o600);
  let ended: string | undefined;
  try {
    const child = spawn(program, rest, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env.PATH },
    });
    child.once('error', (error) => {
      ended = error.message;
    });
    child.once('exit', (code, killer) => {
      ended = `it ended with ${killer ?? code}`;
    });
    child.unref();
  } finally {
    await log.close();
  }
  const deadline = Date.now() + START_MS;
  while (!(await isListening(spec))) {
    signal.throwIfAborted();
    if (ended !== undefined || Date.now() > deadline) {
      const said = (await readFile(spec.logFile, 'utf8').catch(() => '')).trim().slice(-1000);
      throw new AmphoraError('ProcessFailed', `QEMU did not start: ${said || ended || 'it took too long'}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/** The channel is the last that QEMU opens: when it is there, the machine protocol's socket listens. */
async function isListening(spec: MachineSpec): Promise<boolean> {
  const pid = await readFile(spec.pidFile, 'utf8').catch(() => '');
  return pid !== '' && existsSync(spec.qmpSocket) && existsSync(spec.channelSocket);
}

/** `7.2.22`. @throws HostLacks when QEMU is not installed. */
export async function qemuVersion(signal: AbortSignal): Promise<string> {
  const said = (await run(QEMU, ['--version'], { signal })).stdout.toString();
  return /version (\S+)/.exec(said)?.[1] ?? 'unknown';
}

/** What the guest program measures when it is run on the host. */
export async function measureTsc(guestBinary: string, signal: AbortSignal): Promise<number> {
  return Number((await run(guestBinary, ['--tsc-khz'], { signal })).stdout.toString()) || 0;
}
