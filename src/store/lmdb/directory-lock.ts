import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { AmphoraError } from '../../lib/errors.ts';

/**
 * Keeps a directory to one process: the lock is a name among the kernel's abstract sockets (unix(7)), which goes with
 * the process however that ends, so there is no stale lock to judge.
 * @throws Unavailable when another process has it.
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\0amphora-store-${name}`);
  } catch (cause) {
    const message = `the store in ${directory} is in use by another process: stop that one first, or use another --instance`;
    throw new AmphoraError('Unavailable', message, { cause });
  }
  server.unref();
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
