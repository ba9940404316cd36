import { randomInt } from 'node:crypto';
import { Duplex, type Writable } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import type { ProcessIo } from '../engine.ts';
import type { ExecSpec } from '../sandbox-spec.ts';
import type { GuestChannel } from './channel.ts';
import { execMessage } from './messages.ts';
import { TAG } from './numbers.ts';
import { type Records, RecordWriter } from './records.ts';
import type { VmSandbox } from './vm-sandbox.ts';

const DRAIN_MS = 2 * SECOND_MS;
/** Numbers of execs and relays, apart from the containers'; random, so that two nodes in a row do not meet. */
const FIRST_SESSION = 2 ** 20;
const LAST_SESSION = 2 ** 29;

/** Runs one more process in a container: {@link import('../engine.ts').Exec}. */
export async function execInGuest(
  sandbox: VmSandbox,
  call: { container: string; spec: ExecSpec; io: ProcessIo },
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  const { spec, io } = call;
  const record = sandbox.record.containers[call.container];
  if (record === undefined || record.ended !== undefined)
    throw new AmphoraError('NotFound', `container ${call.container} of sandbox ${sandbox.id} is not running`);
  const { channel } = sandbox;
  const id = randomInt(FIRST_SESSION, LAST_SESSION);
  const ids = { process: id, target: record.process, stdin: io.stdin !== undefined };
  const exit = Promise.withResolvers<Records>();
  exit.promise.catch(() => {});
  sandbox.exits.set(id, exit.resolve);
  const abort = () => {
    const kill = new RecordWriter().number(TAG.process, id).number(TAG.signal, 9);
    channel.request('signal', kill).catch(() => {});
    exit.reject(signal.reason);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const started = channel.request('exec', execMessage(record.spec, spec, ids), signal);
    const drained = [toWritable(channel, id * 4 + 1, io.stdout)];
    if (!spec.terminal) drained.push(toWritable(channel, id * 4 + 2, io.stderr));
    if (io.stdin !== undefined) pumpIn(channel, id * 4, io.stdin);
    resizeAll(channel, id, io.resize);
    const failure = await started.then(
      () => undefined,
      (error: unknown) => AmphoraError.from(error),
    );
    if (failure !== undefined && failure.code !== 'ProcessFailed') throw failure;
    const patience =
      failure === undefined ? exit.promise : Promise.race([exit.promise, wait(sandbox, DRAIN_MS)]);
    const records = await patience;
    if (records === undefined) throw failure;
    await Promise.race([Promise.all(drained), wait(sandbox, DRAIN_MS)]);
    io.stdout.end();
    if (failure !== undefined) io.stderr.write(`${failure.message}\n`);
    io.stderr.end();
    return { exitCode: records.number(TAG.exitCode) & 255 };
  } finally {
    signal.removeEventListener('abort', abort);
    sandbox.exits.delete(id);
    for (const stream of [0, 1, 2]) channel.closeStream(id * 4 + stream);
    forgetLater(sandbox, id);
  }
}

async function wait(sandbox: VmSandbox, ms: number): Promise<undefined> {
  await sandbox.context.clock.sleep(ms);
  return undefined;
}

/** The guest forgets a process when it has ended; one that was just killed needs a moment. */
function forgetLater(sandbox: VmSandbox, id: number, tries = 20): void {
  const message = new RecordWriter().number(TAG.process, id);
  const remove = async () => {
    for (let i = 0; i < tries; i++) {
      const done = await sandbox.channel.request('remove', message).then(
        () => true,
        () => false,
      );
      if (done) return;
      await sandbox.context.clock.sleep(100);
    }
  };
  remove().catch(() => {}); // The VM is gone, and the process with it.
}

/** Resolves at the stream's end. */
function toWritable(channel: GuestChannel, stream: number, to: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  channel.attach(stream, { offset: 0, write: (data) => writeAll(to, data), end: resolve });
  return promise;
}

/** Resolves when the stream wants more, or will never. */
export async function writeAll(to: Writable, data: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded || to.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      to.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    to.once('drain', done).once('close', done).once('error', done);
  });
}

export function pumpIn(channel: GuestChannel, stream: number, from: AsyncIterable<Buffer | string>): void {
  channel.openInward(stream);
  const pump = async () => {
    for await (const chunk of from) await channel.write(stream, Buffer.from(chunk));
    channel.endInward(stream);
  };
  pump().catch(() => {}); // The caller's stream broke, or the VM went; whoever waits for the exit hears of it.
}

export function resizeAll(channel: GuestChannel, process: number, sizes: ProcessIo['resize']): void {
  if (sizes === undefined) return;
  const follow = async () => {
    for await (const { width, height } of sizes) {
      const message = new RecordWriter()
        .number(TAG.process, process)
        .number(TAG.width, width)
        .number(TAG.height, height);
      await channel.request('resize', message);
    }
  };
  follow().catch(() => {});
}

/** A TCP connection to 127.0.0.1 inside: {@link import('../engine.ts').Dial}. */
export async function dialGuest(sandbox: VmSandbox, port: number, signal: AbortSignal): Promise<Duplex> {
  const { channel } = sandbox;
  const id = randomInt(FIRST_SESSION, LAST_SESSION);
  try {
    await channel.request('dial', new RecordWriter().number(TAG.process, id).number(TAG.port, port), signal);
  } catch (error) {
    throw AmphoraError.during(`connecting to port ${port} in sandbox ${sandbox.id}`, error);
  }
  let resume = () => {};
  const duplex = new Duplex({
    read: () => resume(),
    write: (chunk: Buffer, _encoding, done) => {
      channel.write(id * 4, chunk).then(() => done(), done);
    },
    final: (done) => {
      channel.endInward(id * 4);
      done();
    },
    destroy: (error, done) => {
      resume();
      channel.closeStream(id * 4);
      channel.closeStream(id * 4 + 1);
      done(error);
    },
  });
  channel.openInward(id * 4);
  channel.attach(id * 4 + 1, {
    offset: 0,
    write: async (data) => {
      if (duplex.destroyed || duplex.push(data)) return;
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
    },
    end: () => duplex.push(null),
  });
  return duplex;
}
