import { isIPv6 } from 'node:net';
import { constants } from 'node:os';
import type { ContainerSpec, ExecSpec, NetworkInterface, SandboxSpec } from '../sandbox-spec.ts';
import { capabilityBits } from './capabilities.ts';
import { TAG } from './numbers.ts';
import { RecordWriter } from './records.ts';

/** Which disk or share stands for which root or volume; made by `devices.ts`. */
export interface DeviceNames {
  /** Container name → serial of its image's disk. */
  readonly roots: Readonly<Record<string, string>>;
  /** Serial → file system. */
  readonly formats: Readonly<Record<string, string>>;
  /** Volume name → virtiofs tag. */
  readonly shares: Readonly<Record<string, string>>;
}

export const SCRATCH_SERIAL = 'scratch';

export function configureMessage(spec: SandboxSpec, devices: DeviceNames): RecordWriter {
  const message = new RecordWriter()
    .text(TAG.hostname, spec.hostname)
    .text(TAG.resolv, resolvConf(spec))
    .text(TAG.hosts, hosts(spec))
    .text(TAG.scratch, SCRATCH_SERIAL)
    .nested(TAG.interface, (lo) => lo.text(TAG.name, 'lo'));
  for (const [serial, format] of Object.entries(devices.formats)) {
    message.nested(TAG.root, (root) => root.text(TAG.serial, serial).text(TAG.format, format));
  }
  for (const [name, volume] of Object.entries(spec.volumes)) {
    message.nested(TAG.volume, (one) => {
      one.text(TAG.name, name);
      if (volume.kind === 'scratch') {
        one.text(TAG.kind, volume.medium).optional(TAG.size, volume.sizeBytes);
      } else if (volume.kind === 'files') {
        one.text(TAG.kind, 'files');
      } else {
        one.text(TAG.kind, 'share').text(TAG.share, devices.shares[name] ?? '');
      }
    });
  }
  if (spec.network.kind === 'namespace') {
    for (const one of spec.network.interfaces) addInterface(message, one);
  }
  for (const [name, value] of Object.entries(spec.sysctls)) {
    message.nested(TAG.sysctl, (one) => one.text(TAG.name, name).text(TAG.value, value));
  }
  return message;
}

function addInterface(message: RecordWriter, one: NetworkInterface): void {
  message.nested(TAG.interface, (records) => {
    records.text(TAG.name, one.name).bytes(TAG.mac, Buffer.from(one.mac.replaceAll(':', ''), 'hex'));
    records.number(TAG.mtu, one.mtu);
    for (const address of one.addresses) records.bytes(TAG.address, prefixBytes(address));
    for (const route of one.routes) {
      const destination = prefixBytes(route.destination);
      const gateway = route.gateway === undefined ? Buffer.alloc(0) : addressBytes(route.gateway);
      const flag = Buffer.from([gateway.length > 0 ? 1 : 0]);
      records.bytes(
        TAG.route,
        Buffer.concat([destination.subarray(0, 2), flag, destination.subarray(2), gateway]),
      );
    }
  });
}

/** Family (4 or 6), prefix length, address. */
export function prefixBytes(prefix: string): Buffer {
  const [address = '', length] = prefix.split('/');
  const bytes = addressBytes(address);
  const family = bytes.length === 4 ? 4 : 6;
  return Buffer.concat([
    Buffer.from([family, length === undefined ? bytes.length * 8 : Number(length)]),
    bytes,
  ]);
}

function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [
    ...groups(head),
    ...Array<string>(tail === undefined ? 0 : missing).fill('0'),
    ...groups(tail),
  ];
  return Buffer.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}

export function startMessage(
  spec: ContainerSpec,
  ids: { process: number; serial: string; sharePid: boolean },
): RecordWriter {
  const { process, security, resources } = spec;
  const message = new RecordWriter()
    .number(TAG.process, ids.process)
    .text(TAG.serial, ids.serial)
    .text(TAG.name, spec.name)
    .number(TAG.attempt, spec.attempt)
    .flag(TAG.sharePid, ids.sharePid)
    .flag(TAG.stdin, process.stdin)
    .flag(TAG.terminal, process.terminal)
    .flag(TAG.readOnly, spec.readOnlyRoot)
    .optional(TAG.memory, resources.memoryBytes)
    .optional(TAG.cpuMillis, resources.cpuLimitMillis)
    .optional(TAG.pids, resources.pids)
    .number(TAG.oomAdj, security.oomScoreAdj);
  if (spec.terminationMessageFile !== undefined) message.text(TAG.messageFile, spec.terminationMessageFile);
  const shallowFirst = spec.mounts.toSorted((a, b) => a.destination.length - b.destination.length);
  for (const mount of shallowFirst) {
    message.nested(TAG.mount, (one) =>
      one
        .text(TAG.name, mount.volume)
        .text(TAG.subPath, mount.subPath)
        .text(TAG.path, mount.destination)
        .flag(TAG.readOnly, mount.readOnly),
    );
  }
  return addProcess(message, spec, process.args);
}

export function execMessage(
  container: ContainerSpec,
  exec: ExecSpec,
  ids: { process: number; target: number; stdin: boolean },
): RecordWriter {
  const message = new RecordWriter()
    .number(TAG.process, ids.process)
    .number(TAG.target, ids.target)
    .flag(TAG.stdin, ids.stdin)
    .flag(TAG.terminal, exec.terminal)
    .optional(TAG.width, exec.size?.width)
    .optional(TAG.height, exec.size?.height)
    .number(TAG.oomAdj, container.security.oomScoreAdj);
  return addProcess(message, container, exec.args);
}

/** What a container and an exec in it have in common: command, environment, identity, rights. */
function addProcess(message: RecordWriter, spec: ContainerSpec, args: readonly string[]): RecordWriter {
  const { process, security } = spec;
  for (const arg of args) message.text(TAG.arg, arg);
  for (const variable of process.env) message.text(TAG.env, variable);
  for (const group of process.user.additionalGids) message.number(TAG.group, group);
  return message
    .text(TAG.cwd, process.cwd)
    .number(TAG.uid, process.user.uid)
    .number(TAG.gid, process.user.gid)
    .flag(TAG.privileged, security.privileged)
    .flag(TAG.noNewPrivileges, security.noNewPrivileges)
    .number(TAG.capabilities, capabilityBits(security.capabilities));
}

function resolvConf({ dns }: SandboxSpec): string {
  const lines = dns.servers.map((server) => `nameserver ${server}`);
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

function hosts(spec: SandboxSpec): string {
  const own =
    spec.network.kind === 'namespace' ? spec.network.interfaces.flatMap((one) => one.addresses) : [];
  const lines = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];
  for (const address of own) lines.push(`${address.split('/')[0]}\t${spec.hostname}`);
  for (const alias of spec.hostAliases) lines.push(`${alias.ip}\t${alias.hostnames.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** `SIGTERM`, `TERM` or `15` as a number; SIGTERM for what Linux does not know. */
export function signalNumber(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const known: Readonly<Record<string, number>> = constants.signals;
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(name);
  if (realTime !== null) return 34 + Number(realTime[1] ?? 0);
  return known[name.startsWith('SIG') ? name : `SIG${name}`] ?? 15;
}
