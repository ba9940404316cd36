import { parentPort, workerData } from 'node:worker_threads';
import { libc } from '../../lib/syscalls/libc.ts';

const PACKET_BYTES = 65_536;
const recv = libc.func('recv', 'long', ['int', 'void *', 'size_t', 'int']);

// A thread that blocks on one packet socket and hands on what comes, until the other side or its owner ends it.
const { descriptor } = workerData as { descriptor: number }; // attach.ts gives exactly this
const buffer = Buffer.alloc(PACKET_BYTES);
for (
  let size = recv(descriptor, buffer, buffer.length, 0);
  size > 0;
  size = recv(descriptor, buffer, buffer.length, 0)
) {
  parentPort?.postMessage(Uint8Array.prototype.slice.call(buffer, 0, size));
}
