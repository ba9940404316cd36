import { access, mkdir, readFile, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/files.ts';
import { MIB, SECOND_MS } from '../../lib/limits.ts';
import { dialUnix, GuestChannel } from './channel.ts';
import { killProcesses } from './host-processes.ts';
import { type Accelerator, startQemu } from './qemu.ts';
import { qmp } from './qmp.ts';

/** A guest that KVM really runs says hello in well under a second. */
const PROBE_MS = 3 * SECOND_MS;

export interface ProbeOptions {
  readonly stateDirectory: string;
  readonly runDirectory: string;
  readonly kernelImage: string;
  readonly initramfs: string;
  readonly user: { readonly uid: number; readonly gid: number };
  /** What the answer holds for: kernel and QEMU version; the CPU is added. */
  readonly key: string;
  readonly instance: Buffer;
}

/**
 * Whether KVM works here: that `/dev/kvm` exists proves nothing, so a guest is booted in it with a deadline.
 * The answer is remembered for this CPU, kernel and QEMU.
 */
export async function chooseAccelerator(options: ProbeOptions, signal: AbortSignal): Promise<Accelerator> {
  const openable = await access('/dev/kvm').then(
    () => true,
    () => false,
  );
  if (!openable) return 'tcg';
  const file = join(options.stateDirectory, 'accelerator.json');
  const key = `${options.key}, ${cpus()[0]?.model ?? ''}`;
  const remembered = await remember(file);
  if (remembered?.key === key) return remembered.works ? 'kvm' : 'tcg';
  const works = await probe(options, signal);
  await writeFileAtomic(file, JSON.stringify({ key, works }));
  return works ? 'kvm' : 'tcg';
}

async function remember(file: string): Promise<{ key: string; works: boolean } | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // Written by us, atomically.
  return text === '' ? undefined : (JSON.parse(text) as { key: string; works: boolean });
}

async function probe(options: ProbeOptions, signal: AbortSignal): Promise<boolean> {
  const directory = join(options.runDirectory, `.probe-${process.pid}`);
  const jail = join(directory, 'jail');
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
  await mkdir(jail, { recursive: true, mode: 0o700 });
  let channel: GuestChannel | undefined;
  try {
    await startQemu(
      {
        accelerator: 'kvm',
        memoryBytes: 128 * MIB,
        cpus: 1,
        kernel: options.kernelImage,
        initramfs: options.initramfs,
        channelSocket: join(directory, 'channel'),
        qmpSocket: join(directory, 'qmp'),
        pidFile: join(directory, 'qemu.pid'),
        logFile: join(directory, 'qemu.log'),
        jail,
        user: options.user,
        disks: [],
        shares: [],
        tscKhz: 0,
        paused: false,
      },
      deadline,
    );
    await qmp(join(directory, 'qmp'), [], deadline);
    const socket = await dialUnix(join(directory, 'channel'), deadline);
    channel = new GuestChannel(socket, { onExit: () => {}, onClose: () => {} });
    await channel.hello(options.instance, deadline);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    channel?.close();
    await killProcesses([directory]);
    await rm(directory, { recursive: true, force: true });
  }
}
