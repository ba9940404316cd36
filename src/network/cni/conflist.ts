import { AmphoraError } from '../../lib/errors.ts';

/** A network configuration list: https://www.cni.dev/docs/spec/#section-1-network-configuration-format */
export interface ConfList {
  readonly cniVersion: string;
  readonly name: string;
  readonly disableCheck?: boolean;
  readonly plugins: readonly PluginConf[];
}

export interface PluginConf {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

export interface BridgeOptions {
  readonly bridge: string;
  /** IPv4, with prefix: `10.88.0.0/16`. */
  readonly subnet: string;
  /** Where host-local keeps its leases. */
  readonly leases: string;
  readonly mtu?: number;
}

/** Our own list. Masquerading and host ports are not in it: they are rules of our own nftables table. */
export function bridgeConfList({ bridge, subnet, leases, mtu }: BridgeOptions): ConfList {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: leases,
  };
  const plugin = { type: 'bridge', bridge, isGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return {
    cniVersion: '1.0.0',
    name: 'amphora',
    plugins: [{ ...plugin, ...(mtu === undefined ? {} : { mtu }) }],
  };
}

/** Parses a `.conflist`, or a `.conf` of a single plugin. @throws Invalid with what is wrong. */
export function parseConfList(text: string, file: string): ConfList {
  const bad = (what: string) => new AmphoraError('Invalid', `network configuration ${file}: ${what}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw bad(`not JSON: ${String(cause)}`);
  }
  if (typeof value !== 'object' || value === null) throw bad('not an object');
  const conf = value as Record<string, unknown>; // each member is checked below
  if (typeof conf.name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(conf.name))
    throw bad('name is missing or has other characters than letters, digits, "_", ".", "-"');
  const cniVersion = typeof conf.cniVersion === 'string' ? conf.cniVersion : '0.2.0';
  const plugins = Array.isArray(conf.plugins) ? conf.plugins : [conf];
  const typed = plugins.every((one: unknown) => typeof (one as { type?: unknown } | null)?.type === 'string');
  if (plugins.length === 0 || !typed) throw bad('plugins is empty, or one of them has no type');
  return {
    cniVersion,
    name: conf.name,
    disableCheck: conf.disableCheck === true,
    plugins: plugins as PluginConf[], // every one has a string type; the rest is the plugin's own business
  };
}
