import type { Pod } from '../../api/types.generated.ts';
import type { DnsConfig } from '../../engines/sandbox-spec.ts';

export interface ClusterDns {
  /** Addresses of the cluster's DNS service; empty when there is none. */
  readonly servers: readonly string[];
  /** `cluster.local` */
  readonly domain: string;
  /** What the node itself uses. */
  readonly host: DnsConfig;
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
export function dnsOf(pod: Pod, cluster: ClusterDns): DnsConfig {
  const base = baseOf(pod, cluster);
  const extra = pod.spec?.dnsConfig;
  const options = new Map(base.options.map((option) => [option.split(':')[0] ?? '', option]));
  for (const { name = '', value } of extra?.options ?? []) {
    options.set(name, value === undefined ? name : `${name}:${value}`);
  }
  return {
    servers: [...new Set([...base.servers, ...(extra?.nameservers ?? [])])],
    searches: [...new Set([...base.searches, ...(extra?.searches ?? [])])],
    options: [...options.values()],
  };
}

function baseOf(pod: Pod, cluster: ClusterDns): DnsConfig {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  const usesHost =
    policy === 'Default' ||
    (policy === 'ClusterFirst' && pod.spec?.hostNetwork === true) ||
    cluster.servers.length === 0;
  if (usesHost) return cluster.host;
  const namespace = pod.metadata?.namespace ?? 'default';
  return {
    servers: cluster.servers,
    searches: [
      `${namespace}.svc.${cluster.domain}`,
      `svc.${cluster.domain}`,
      cluster.domain,
      ...cluster.host.searches,
    ],
    options: ['ndots:5'],
  };
}

/** Reads `/etc/resolv.conf`. https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') searches = values;
    if (keyword === 'options') options = values;
  }
  return { servers, searches, options };
}
