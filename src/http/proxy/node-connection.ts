import { BlockList, isIP } from 'node:net';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Destination } from './relay.ts';
import { portNumber, type TargetName } from './target-name.ts';

/** A port of the node's own, dialed at the address that the node gives for itself. */
export function nodeConnection(
  node: Readonly<ApiObject>,
  { port, scheme }: TargetName,
): Pick<Destination, 'connection' | 'isSecure'> & { readonly host: string } {
  const status = node.status as { addresses?: ReadonlyArray<{ type: string; address: string }> } | undefined; // The schema's.
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  const number = portNumber(port);
  if (!isProxyable(address)) throw new AmphoraError('BadRequest', 'address not allowed');
  const isSecure = scheme === 'https';
  return {
    isSecure,
    host: `${isIP(address) === 6 ? `[${address}]` : address}:${number}`,
    connection: {
      host: address,
      port: number,
      agent: false,
      timeout: LIMITS.streamIdleMs,
      // As upstream: what runs on a node has no certificate of ours.
      rejectUnauthorized: false,
    },
  };
}

/** Nothing of this machine alone, of a link, or of many: a status must not make the server call itself. */
export function isProxyable(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return !refused().check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function refused(): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of [
    ['0.0.0.0', 8],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['224.0.0.0', 4],
  ] as const)
    list.addSubnet(net, prefix, 'ipv4');
  list.addAddress('255.255.255.255', 'ipv4');
  for (const [net, prefix] of [
    ['::', 128],
    ['::1', 128],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const)
    list.addSubnet(net, prefix, 'ipv6');
  return list;
}
