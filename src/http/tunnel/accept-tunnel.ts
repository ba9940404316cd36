import { setImmediate } from 'node:timers/promises';
import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Services } from '../services.ts';

const PROTOCOL = 'amphora-tunnel/1';

/** Answers 101 and hands the socket over: from then on the node is the HTTP/2 server on it. */
export async function acceptTunnel(services: Services, exchange: Exchange, node: string): Promise<void> {
  const { upgrade } = exchange;
  if (upgrade === undefined || exchange.headers.upgrade?.toLowerCase() !== PROTOCOL)
    throw new AmphoraError(
      'BadRequest',
      `a node tunnel needs an HTTP/1.1 request with "Upgrade: ${PROTOCOL}"`,
    );
  const socket = upgrade.take();
  const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(answer, () => resolve()));
  // HTTP/2 takes the native handle: with a write of ours still on it, Node ends the process with a failed assertion.
  await setImmediate();
  services.nodes.accept(node, socket);
}
