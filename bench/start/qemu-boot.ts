import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCpio } from '../../src/engines/vm/cpio.ts';
import { findGuestKernel } from '../../src/engines/vm/kernel.ts';
import { type Accelerator, measureTsc, qemuArguments } from '../../src/engines/vm/qemu.ts';
import { GIB, MINUTE_MS } from '../../src/lib/limits.ts';
import { guestPrograms, kernelDirectory } from '../../src/main/host-parts.ts';
import type { Layout } from '../../src/main/instance.ts';

/** Pid 1 that asks for a reboot, which ends QEMU: what is measured is the way to it and this one call. */
const INIT = '#!/bin/busybox sh\nexec /bin/busybox reboot -f\n';
const MEMORY_BYTES = GIB / 4;
const QEMU = 'qemu-system-x86_64';

export interface BareMachine {
  /** Milliseconds from starting QEMU until pid 1 has run and QEMU has ended. */
  boot(): Promise<number>;
  close(): Promise<void>;
}

/** QEMU with the engine's own arguments, and nothing else, booting the guest's kernel. @throws when there is none */
export async function makeBareMachine(layout: Layout, signal: AbortSignal): Promise<BareMachine> {
  const kernel = await findGuestKernel(kernelDirectory(layout));
  if (kernel === undefined) throw new Error('no guest kernel is unpacked');
  const directory = await mkdtemp(join(tmpdir(), 'amphora-bench-vm-'));
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'jail'));
  const initramfs = join(directory, 'initramfs');
  await writeFile(initramfs, await bootInitramfs());
  const { guest } = guestPrograms(layout);
  const tscKhz = await measureTsc(guest, signal);
  const accelerator = await acceleratorOf(layout);
  const args = qemuArguments({
    accelerator,
    memoryBytes: MEMORY_BYTES,
    cpus: 1,
    kernel: kernel.image,
    initramfs,
    channelSocket: join(directory, 'channel'),
    qmpSocket: join(directory, 'qmp'),
    pidFile: join(directory, 'qemu.pid'),
    logFile: join(directory, 'qemu.log'),
    jail: join(directory, 'jail'),
    user: { uid: 65_534, gid: 65_534 },
    disks: [],
    shares: [],
    tscKhz,
    paused: false,
  });
  return {
    boot: () => bootOnce(args, signal),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

/** What the engine found out about this machine when it was asked for its fingerprint. */
async function acceleratorOf(layout: Layout): Promise<Accelerator> {
  const text = await readFile(join(layout.nodeState, 'vm', 'accelerator.json'), 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { works?: boolean }).works === true ? 'kvm' : 'tcg'; // Written by the engine.
}

async function bootInitramfs(): Promise<Buffer> {
  const none = new Uint8Array();
  const busybox = await readFile('/bin/busybox');
  return writeCpio([
    { path: 'dev', mode: 0o40755, data: none },
    { path: 'bin', mode: 0o40755, data: none },
    { path: 'bin/busybox', mode: 0o100755, data: busybox },
    { path: 'init', mode: 0o100755, data: Buffer.from(INIT) },
  ]);
}

async function bootOnce(args: readonly string[], signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const child = spawn(QEMU, args, {
    stdio: 'ignore',
    env: { PATH: process.env.PATH },
    signal: AbortSignal.any([signal, AbortSignal.timeout(MINUTE_MS)]),
    killSignal: 'SIGKILL',
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const elapsed = performance.now() - started;
  if (code !== 0) throw new Error(`${QEMU} ended with status ${code}`);
  return elapsed;
}
