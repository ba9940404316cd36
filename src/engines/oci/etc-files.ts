import { writeFile } from 'node:fs/promises';
import type { SandboxSpec } from '../sandbox-spec.ts';
import type { SandboxPaths } from './paths.ts';

/** Writes the `/etc` files that belong to the sandbox and not to an image. */
export async function writeEtcFiles(paths: SandboxPaths, spec: SandboxSpec): Promise<void> {
  await Promise.all([
    writeFile(paths.hostname, `${spec.hostname}\n`),
    writeFile(paths.hosts, hostsFile(spec)),
    writeFile(paths.resolv, resolvFile(spec)),
  ]);
}

export function hostsFile(spec: Pick<SandboxSpec, 'hostname' | 'network' | 'hostAliases'>): string {
  const lines = [
    '# Made by Amphora for this sandbox.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
  ];
  if (spec.network.kind === 'namespace') {
    for (const { addresses } of spec.network.interfaces)
      for (const address of addresses) lines.push(`${address.split('/')[0]}\t${spec.hostname}`);
  } else {
    lines.push(`127.0.1.1\t${spec.hostname}`);
  }
  for (const { ip, hostnames } of spec.hostAliases) lines.push(`${ip}\t${hostnames.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

export function resolvFile({ dns }: Pick<SandboxSpec, 'dns'>): string {
  const lines = dns.servers.map((server) => `nameserver ${server}`);
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return lines.map((line) => `${line}\n`).join('');
}
