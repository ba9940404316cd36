import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GuestImage } from './guest-image.ts';
import type { Line } from './protocol.ts';

const MEMORY_MIB = 1024;

/** Boots the guest and passes on what it tells until it is at its end; QEMU is gone when this is done. */
export async function* runGuest(
  image: GuestImage,
  options: { directory: string; tscKhz: number },
  signal: AbortSignal,
): AsyncGenerator<Line> {
  const console = join(options.directory, 'console.log');
  const qemu = spawn('qemu-system-x86_64', machineArguments(image, { console, tscKhz: options.tscKhz }), {
    // An open standard input: at its end the guest's port would count as closed.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
    signal,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  qemu.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('latin1');
  });
  const exited = once(qemu, 'exit').catch(() => {}); // The signal ends it, too, and says why below.
  try {
    for await (const text of createInterface({ input: qemu.stdout })) {
      // The guest's program wrote it with JSON.stringify.
      const line = JSON.parse(text) as Line;
      yield line;
      if (line.kind === 'end') return;
    }
    signal.throwIfAborted();
    throw new Error('the guest ended before its tests did');
  } catch (error) {
    const said = await readFile(console, 'latin1').catch(() => '');
    throw new Error(`the guest failed: ${complaint}\n${said.slice(-3000)}`, { cause: error });
  } finally {
    qemu.kill('SIGKILL');
    await exited;
  }
}

function machineArguments(image: GuestImage, options: { console: string; tscKhz: number }): string[] {
  // As the engine of microVMs starts them, with a console to say what went wrong: src/engines/vm/qemu.ts.
  const kernel = [
    'console=ttyS0 quiet panic=-1 reboot=t random.trust_cpu=on no_timer_check cgroup_no_v1=all',
    // For speed alone: nobody attacks this guest.
    'rcupdate.rcu_expedited=1 mitigations=off init_on_alloc=0',
    `tsc=reliable tsc_early_khz=${options.tscKhz}`,
  ].join(' ');
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-machine', 'microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on'],
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', '2', '-m', `${MEMORY_MIB}M`],
    ...['-kernel', image.kernel, '-initrd', image.initramfs, '-append', kernel],
    ...['-chardev', `file,id=console,path=${options.console}`, '-serial', 'chardev:console'],
    ...['-chardev', 'stdio,id=channel,signal=off'],
    ...['-device', 'virtio-serial-device', '-device', 'virtserialport,chardev=channel,name=tests'],
    ...['-drive', `if=none,id=root,file=${image.root},format=raw,read-only=on,file.locking=off`],
    ...['-device', 'virtio-blk-device,drive=root,serial=root'],
  ];
}
