import { closeSync, constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AmphoraError } from '../../lib/errors.ts';
import { programFile } from '../../lib/program-files.ts';
import { check, libc } from '../../lib/syscalls/libc.ts';
import type { ProcessIo } from '../engine.ts';
import type { Attempt } from './attempt.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET_CLOEXEC = 5 | 0o2000000;
const SHUT_RDWR = 2;
const SHUT_WR = 1;
/** conmon reads at most this much of a packet. */
const PACKET_BYTES = 8192;
const STDOUT = 2;
const STDERR = 3;
const rawSocket = libc.func('socket', 'int', ['int', 'int', 'int']);
const rawConnect = libc.func('connect', 'int', ['int', 'const void *', 'unsigned int']);
const rawSend = libc.func('send', 'long', ['int', 'const void *', 'size_t', 'int']);
const rawShutdown = libc.func('shutdown', 'int', ['int', 'int']);

/**
 * Joins the streams through conmon's attach socket: packets whose first byte names the stream. Node has no
 * sequenced-packet sockets, so a thread of its own reads them.
 */
export async function attachTo(attempt: Attempt, io: ProcessIo, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const descriptor = connectTo(join(attempt.paths.socketLink, 'attach'));
  const reader = new Worker(programFile('engines/oci/attach-reader'), { workerData: { descriptor } });
  const ended = new Promise<void>((resolve, reject) => {
    reader.on('message', (packet: Uint8Array) => {
      const output = packet[0] === STDERR ? io.stderr : packet[0] === STDOUT ? io.stdout : undefined;
      output?.write(packet.subarray(1));
    });
    reader.once('error', reject);
    reader.once('exit', () => resolve());
  });
  const stop = () => {
    rawShutdown(descriptor, SHUT_RDWR);
  };
  signal.addEventListener('abort', stop, { once: true });
  const send = (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += PACKET_BYTES) {
      const part = chunk.subarray(at, at + PACKET_BYTES);
      rawSend(descriptor, part, part.length, 0x4000); // MSG_NOSIGNAL; a container that ended reads no more
    }
  };
  const endInput = () => rawShutdown(descriptor, SHUT_WR);
  io.stdin?.on('data', send);
  io.stdin?.once('end', endInput);
  const over = new AbortController();
  const resizing = relaySizes(attempt, io, over.signal);
  try {
    await ended;
  } finally {
    over.abort();
    signal.removeEventListener('abort', stop);
    io.stdin?.off('data', send).off('end', endInput);
    closeSync(descriptor);
    await resizing;
    io.stdout.end();
    io.stderr.end();
  }
}

function connectTo(path: string): number {
  const bytes = Buffer.from(path);
  if (bytes.length > 107) throw new AmphoraError('Internal', `socket path ${path} is longer than 107 bytes`);
  const address = Buffer.alloc(110);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  const descriptor = check(rawSocket(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0), 'socket');
  try {
    check(rawConnect(descriptor, address, bytes.length + 3), 'connect', path);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** conmon's control pipe takes `1 height width`. */
async function relaySizes(attempt: Attempt, io: ProcessIo, over: AbortSignal): Promise<void> {
  if (io.resize === undefined || !attempt.spec.process.terminal) return;
  const sizes = io.resize[Symbol.asyncIterator]();
  const stopped = new Promise<undefined>((resolve) =>
    over.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  for (;;) {
    const next = await Promise.race([sizes.next(), stopped]);
    if (next === undefined || next.done === true || over.aborted) return;
    const pipe = await open(attempt.paths.control, 'r+');
    await pipe.write(`1 ${next.value.height} ${next.value.width}\n`).finally(() => pipe.close());
  }
}

/** conmon's control pipe takes `2 0 0` for: close the log and open it anew at its path. */
export async function reopenLog(attempt: Attempt): Promise<void> {
  const pipe = await open(attempt.paths.control, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    await pipe.write('2 0 0\n');
  } finally {
    await pipe.close();
  }
}
