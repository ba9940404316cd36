import { closeSync, constants, openSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { check, libc } from '../../lib/syscalls/libc.ts';
import { CLONE_NEWNET, setns } from '../../lib/syscalls/namespaces.ts';

const AF_INET = 2;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const POLLOUT = 4;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const POLL_MS = 2;
const CONNECT_MS = 10_000;
const rawSocket = libc.func('socket', 'int', ['int', 'int', 'int']);
const rawConnect = libc.func('connect', 'int', ['int', 'const void *', 'unsigned int']);
const rawPoll = libc.func('poll', 'int', ['void *', 'unsigned long', 'int']);
const rawGetsockopt = libc.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']);

/** A connection to 127.0.0.1 inside a network namespace: a socket stays in the namespace it was made in. */
export async function dialInside(
  namespace: string,
  target: { port: number; clock: Clock },
  signal: AbortSignal,
): Promise<Duplex> {
  const descriptor = socketIn(namespace);
  try {
    const address = Buffer.alloc(16);
    address.writeUInt16LE(AF_INET, 0);
    address.writeUInt16BE(target.port, 2);
    address.set([127, 0, 0, 1], 4);
    rawConnect(descriptor, address, address.length); // EINPROGRESS or a refusal; SO_ERROR and poll say which
    const end = target.clock.now() + CONNECT_MS;
    while (!connected(descriptor, target.port)) {
      if (target.clock.now() > end) throw new AmphoraError('Timeout', `port ${target.port} did not answer`);
      await target.clock.sleep(POLL_MS, signal);
    }
    return new Socket({ fd: descriptor, readable: true, writable: true });
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A connection from the host, for sandboxes whose network stack is not the namespace's own. */
export function dialAddress(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (cause) => {
      clearTimeout(timer);
      reject(
        new AmphoraError('Unavailable', `port ${port} of the sandbox does not answer: ${cause.message}`, {
          cause,
        }),
      );
    });
  });
}

/** Synchronous from end to end: the thread is back in its own namespace before anything else can run. */
function socketIn(namespace: string): number {
  const own = openSync('/proc/thread-self/ns/net', constants.O_RDONLY);
  const other = openSync(namespace, constants.O_RDONLY);
  try {
    setns(other, CLONE_NEWNET);
    try {
      return check(rawSocket(AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, 0), 'socket');
    } finally {
      setns(own, CLONE_NEWNET);
    }
  } finally {
    closeSync(own);
    closeSync(other);
  }
}

function connected(descriptor: number, port: number): boolean {
  const poll = Buffer.alloc(8);
  poll.writeInt32LE(descriptor, 0);
  poll.writeInt16LE(POLLOUT, 4);
  if (check(rawPoll(poll, 1, 0), 'poll') === 0) return false;
  const error = new Int32Array(1);
  check(rawGetsockopt(descriptor, SOL_SOCKET, SO_ERROR, error, new Uint32Array([4])), 'getsockopt');
  const refused = error[0] !== 0 || (poll.readInt16LE(6) & 0x18) !== 0; // POLLERR, POLLHUP
  if (refused) throw new AmphoraError('Unavailable', `nothing listens on port ${port} of the sandbox`);
  return true;
}
