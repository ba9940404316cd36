import type { Socket } from 'node:net';
import { AmphoraError } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import { dialUnix } from './channel.ts';

const MAX_LINE_BYTES = 1024 * 1024;
const ANSWER_MS = 10 * SECOND_MS;

/**
 * Runs commands over QEMU's machine protocol, one connection for all of them: https://www.qemu.org/docs/master/interop/qmp-spec.html.
 * @throws Unavailable when QEMU is gone, ProcessFailed when it refuses, Timeout.
 */
export async function qmp(
  path: string,
  commands: readonly { readonly execute: string; readonly arguments?: object }[],
  signal: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const socket = await dialUnix(path, deadline);
  const abort = () => socket.destroy(new AmphoraError('Timeout', 'QEMU did not answer in time'));
  deadline.addEventListener('abort', abort, { once: true });
  try {
    const messages = lines(socket);
    await messages.next(); // The greeting.
    for (const command of [{ execute: 'qmp_capabilities' }, ...commands]) {
      socket.write(`${JSON.stringify(command)}\n`);
      await answer(messages, command.execute);
    }
  } finally {
    deadline.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function answer(messages: AsyncGenerator<Record<string, unknown>>, command: string): Promise<void> {
  for await (const message of { [Symbol.asyncIterator]: () => ({ next: () => messages.next() }) }) {
    if ('return' in message) return;
    if ('error' in message)
      throw new AmphoraError(
        'ProcessFailed',
        `QEMU refused ${command}: ${JSON.stringify(message.error).slice(0, 500)}`,
      );
  }
  if (command !== 'quit') throw new AmphoraError('Unavailable', `QEMU ended before it answered ${command}`);
}

async function* lines(socket: Socket): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8') as AsyncIterable<string>) {
    rest += chunk;
    if (rest.length > MAX_LINE_BYTES) throw new AmphoraError('Corrupt', 'QEMU sent a line without end');
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      // Every message of QEMU is one JSON object on one line.
      yield JSON.parse(rest.slice(0, end)) as Record<string, unknown>;
      rest = rest.slice(end + 1);
    }
  }
}
