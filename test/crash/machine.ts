import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { dialUnix } from '../../src/engines/vm/channel.ts';
import { qmp } from '../../src/engines/vm/qmp.ts';
import type { GuestImage } from './guest-image.ts';
import type { Line, Order } from './protocol.ts';

const MEMORY_MIB = 384;
const BOOT_MS = 180_000;
/** From the start of QEMU to the first acknowledgement. */
const FIRST_MS = 60_000;
/** Lets the saved state leave out the memory, which stays in its file; a guest that goes on maps that privately. */
const IGNORE_SHARED = {
  execute: 'migrate-set-capabilities',
  arguments: { capabilities: [{ capability: 'x-ignore-shared', state: true }] },
};

/** A guest in the middle of its run, from which any number of others can go on. */
export interface SavedGuest {
  readonly image: GuestImage;
  readonly directory: string;
  readonly memory: string;
  readonly state: string;
  /** The newest revision of the careful store. */
  readonly revision: number;
}

/** Boots a guest until its program is ready, and saves memory, devices and disk of that moment. */
export async function bootAndSave(
  image: GuestImage,
  options: { directory: string; tscKhz: number },
  signal: AbortSignal,
): Promise<SavedGuest> {
  const { directory, tscKhz } = options;
  const memory = join(directory, 'memory');
  const state = join(directory, 'state');
  const log = join(directory, 'boot.log');
  const kernel = [
    'console=ttyS0 quiet panic=-1 reboot=t random.trust_cpu=on no_timer_check tsc=reliable',
    `tsc_early_khz=${tscKhz}`,
  ].join(' ');
  await using qemu = await start(
    [
      ...machineArguments({ memory, share: 'on', root: image.root, data: image.data, directory }),
      ...['-kernel', image.kernel, '-initrd', image.initramfs, '-append', kernel],
    ],
    { directory, log },
  );
  const ready = await first(qemu.lines, AbortSignal.any([signal, AbortSignal.timeout(BOOT_MS)])).catch(
    async (error: unknown) => {
      throw new Error(`the guest did not get ready: ${(await readFile(log, 'utf8')).slice(-2000)}`, {
        cause: error,
      });
    },
  );
  if (ready?.kind !== 'ready') throw new Error(`the guest said ${JSON.stringify(ready)}`);
  await save(qemu.socket, state, signal);
  return { image, directory, memory, state, revision: ready.revision };
}

export interface Round {
  readonly directory: string;
  /** The disk this guest alone writes to, as it was when the guest was saved. */
  readonly disk: string;
  readonly order: Order;
  /** From the first acknowledgement to SIGKILL, in milliseconds. */
  readonly killAfterMs: number;
}

/** Lets a saved guest go on, kills its QEMU and answers what the guest told until then. */
export async function runAndKill(saved: SavedGuest, round: Round, signal: AbortSignal): Promise<Line[]> {
  const log = join(round.directory, 'qemu.log');
  const state = await open(saved.state, 'r');
  try {
    await using qemu = await start(
      [
        ...machineArguments({
          memory: saved.memory,
          share: 'off',
          root: saved.image.root,
          data: round.disk,
          directory: round.directory,
        }),
        ...['-incoming', 'defer'],
      ],
      { directory: round.directory, log, state },
    );
    await qmp(
      qemu.socket,
      [IGNORE_SHARED, { execute: 'migrate-incoming', arguments: { uri: 'fd:3' } }],
      signal,
    );
    qemu.child.stdin?.write(`${JSON.stringify(round.order)}\n`);
    const told: Line[] = [];
    const line = await first(qemu.lines, AbortSignal.any([signal, AbortSignal.timeout(FIRST_MS)])).catch(
      async (error: unknown) => {
        throw new Error(`the guest told nothing: ${await readFile(log, 'utf8')}`, { cause: error });
      },
    );
    if (line === undefined) throw new Error(`QEMU ended by itself: ${await readFile(log, 'utf8')}`);
    told.push(line);
    const killed = delay(round.killAfterMs).then(() => qemu.child.kill('SIGKILL'));
    for await (const next of qemu.lines) told.push(next);
    if (!(await killed)) throw new Error(`QEMU ended by itself: ${await readFile(log, 'utf8')}`);
    return told;
  } finally {
    await state.close();
  }
}

function machineArguments(machine: {
  memory: string;
  share: 'on' | 'off';
  root: string;
  data: string;
  directory: string;
}): string[] {
  const { memory, share, root, data, directory } = machine;
  const size = `${MEMORY_MIB}M`;
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-machine', 'microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,memory-backend=ram'],
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', size],
    ...['-object', `memory-backend-file,id=ram,mem-path=${memory},share=${share},size=${size}`],
    ...['-chardev', `socket,id=qmp,path=${join(directory, 'qmp')},server=on,wait=off`],
    ...['-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `file,id=console,path=${join(directory, 'console.log')}`, '-serial', 'chardev:console'],
    ...['-chardev', 'stdio,id=channel,signal=off'],
    ...['-device', 'virtio-serial-device', '-device', 'virtserialport,chardev=channel,name=crash'],
    ...['-drive', `if=none,id=root,file=${root},format=raw,read-only=on,file.locking=off`],
    ...['-device', 'virtio-blk-device,drive=root,serial=root'],
    // What the guest has written outlives QEMU in the host's page cache, what it kept to itself does not.
    ...['-drive', `if=none,id=data,file=${data},format=raw,cache=writeback,file.locking=off`],
    ...['-device', 'virtio-blk-device,drive=data,serial=data'],
  ];
}

interface Qemu extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly lines: AsyncGenerator<Line>;
}

async function start(
  args: readonly string[],
  options: { directory: string; log: string; state?: FileHandle },
): Promise<Qemu> {
  const log = await open(options.log, 'a');
  // Whatever ends this test ends QEMU too.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...args], {
    stdio: ['pipe', 'pipe', log.fd, options.state?.fd ?? 'ignore'],
    env: { PATH: process.env.PATH },
  });
  await log.close();
  const exited = once(child, 'exit');
  child.stdin?.on('error', () => {}); // QEMU's end is told by its exit.
  const socket = join(options.directory, 'qmp');
  while (!(await isListening(socket))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`QEMU did not start: ${await readFile(options.log, 'utf8')}`);
    await delay(2);
  }
  return {
    child,
    socket,
    lines: linesOf(child),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await exited;
    },
  };
}

/** The file of a socket is there a little before somebody listens. */
async function isListening(path: string): Promise<boolean> {
  const socket = await dialUnix(path, AbortSignal.timeout(FIRST_MS)).catch(() => undefined);
  socket?.destroy();
  return socket !== undefined;
}

/** Whole lines only: what a killed guest told in part it has not told. */
async function* linesOf(child: ChildProcess): AsyncGenerator<Line> {
  let rest = '';
  for await (const chunk of (child.stdout ?? []) as AsyncIterable<Buffer>) {
    rest += chunk.toString('latin1');
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      // The guest's program wrote it with JSON.stringify.
      yield JSON.parse(rest.slice(0, end)) as Line;
      rest = rest.slice(end + 1);
    }
  }
}

async function first(lines: AsyncGenerator<Line>, signal: AbortSignal): Promise<Line | undefined> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const next = await Promise.race([lines.next(), aborted]);
  return next.done === true ? undefined : next.value;
}

/** Writes the state of the devices to `path`; QEMU stops the guest for that, and the one that goes on starts by itself. */
async function save(socket: string, path: string, signal: AbortSignal): Promise<void> {
  const server = createServer();
  const listening = `${path}.socket`;
  server.listen(listening);
  await once(server, 'listening');
  const received = once(server, 'connection').then(async ([connection]) => {
    const file = await open(path, 'w');
    await pipeline(connection, file.createWriteStream());
  });
  try {
    await qmp(
      socket,
      [IGNORE_SHARED, { execute: 'migrate', arguments: { uri: `unix:${listening}` } }],
      signal,
    );
    await received;
  } finally {
    server.close();
  }
}
