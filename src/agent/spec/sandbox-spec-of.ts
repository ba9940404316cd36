import type { Pod } from '../../api/types.generated.ts';
import type {
  PreparedRoot,
  PreparedVolume,
  SandboxNetwork,
  SandboxSpec,
} from '../../engines/sandbox-spec.ts';
import type { PortMapping } from '../../network/network.ts';
import type { AgentOptions } from '../options.ts';
import { identityOf } from '../options.ts';
import { dnsOf } from './dns.ts';
import { hostnameOf } from './environment.ts';
import { podResources } from './resources.ts';

export interface SandboxParts {
  readonly id: string;
  readonly runtimeClass: string;
  readonly network: SandboxNetwork;
  readonly roots: Readonly<Record<string, PreparedRoot>>;
  readonly volumes: Readonly<Record<string, PreparedVolume>>;
}

export function sandboxSpecOf(options: AgentOptions, pod: Pod, parts: SandboxParts): SandboxSpec {
  const { uid, namespace, name } = identityOf(pod);
  const spec = pod.spec;
  const hostname = spec?.hostNetwork === true ? options.nodeName : hostnameOf(pod);
  const domain = `${spec?.subdomain}.${namespace}.svc.${options.dns.domain}`;
  const ownNames = spec?.subdomain === undefined ? [hostname] : [`${hostname}.${domain}`, hostname];
  const own = addressesOf(parts.network).map((ip) => ({ ip, hostnames: ownNames }));
  return {
    ...parts,
    podUid: uid,
    podNamespace: namespace,
    podName: name,
    bootId: options.bootId,
    hostname:
      spec?.setHostnameAsFQDN === true && spec.subdomain !== undefined ? `${hostname}.${domain}` : hostname,
    dns: dnsOf(pod, options.dns),
    hostAliases: [
      ...own,
      ...(spec?.hostAliases ?? []).map((alias) => ({ ip: alias.ip, hostnames: alias.hostnames ?? [] })),
    ],
    resources: podResources(pod),
    sharePidNamespace: spec?.shareProcessNamespace === true,
    hostPid: spec?.hostPID === true,
    hostIpc: spec?.hostIPC === true,
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((one) => [one.name, one.value])),
  };
}

/** Without prefix length, IPv4 first. */
export function addressesOf(network: SandboxNetwork): string[] {
  if (network.kind === 'host') return [];
  const all = network.interfaces.flatMap(({ addresses }) =>
    addresses.map((address) => address.split('/')[0] ?? ''),
  );
  return [...all.filter((ip) => !ip.includes(':')), ...all.filter((ip) => ip.includes(':'))];
}

export function portMappingsOf(pod: Pod): PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap((port) =>
      port.hostPort === undefined || port.hostPort === 0 || port.protocol === 'SCTP'
        ? []
        : [
            {
              hostPort: port.hostPort,
              containerPort: port.containerPort,
              protocol: port.protocol === 'UDP' ? ('udp' as const) : ('tcp' as const),
              ...(port.hostIP === undefined ? {} : { hostIp: port.hostIP }),
            },
          ],
    ),
  );
}
