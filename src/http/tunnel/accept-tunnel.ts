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
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`);
  services.nodes.accept(node, socket);
}
