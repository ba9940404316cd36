import type { ContainerSpec, ProcessSpec, Resources, SandboxSpec, SecuritySpec } from '../sandbox-spec.ts';
import { sharesOf } from './cgroups.ts';
import type { AttemptPaths, SandboxPaths } from './paths.ts';
import { defaultSeccomp } from './seccomp.ts';

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface ConfigInputs {
  readonly sandbox: SandboxSpec;
  readonly container: ContainerSpec;
  readonly sandboxPaths: SandboxPaths;
  readonly paths: AttemptPaths;
  readonly volumes: readonly OciMount[];
  readonly cgroupsPath: string;
  readonly cgroupVersion: 1 | 2;
  readonly family: 'runc' | 'runsc';
  readonly annotations: Readonly<Record<string, string>>;
}

const MASKED = [
  'acpi',
  'asound',
  'interrupts',
  'kcore',
  'keys',
  'latency_stats',
  'timer_list',
  'timer_stats',
  'sched_debug',
  'scsi',
];
const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];
const SHARED_ETC = ['hosts', 'hostname', 'resolv.conf'] as const;
const PERIOD_US = 100_000;
const DEVICES = [
  { type: 'c', major: 1, minor: 3 }, // null
  { type: 'c', major: 1, minor: 5 }, // zero
  { type: 'c', major: 1, minor: 7 }, // full
  { type: 'c', major: 1, minor: 8 }, // random
  { type: 'c', major: 1, minor: 9 }, // urandom
  { type: 'c', major: 5, minor: 0 }, // tty
  { type: 'c', major: 5, minor: 2 }, // ptmx
  { type: 'c', major: 136 }, // pts
];

/** The OCI runtime configuration: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md */
export function ociConfig(inputs: ConfigInputs): object {
  const { sandbox, container, paths, family } = inputs;
  const { privileged } = container.security;
  return {
    ociVersion: '1.0.2',
    process: processConfig(container.process, container.security),
    root: { path: paths.rootfs, readonly: container.readOnlyRoot },
    // Who joins a pinned UTS namespace must not name the host again.
    ...(family === 'runsc' ? { hostname: sandbox.hostname } : {}),
    mounts: mounts(inputs),
    annotations: inputs.annotations,
    linux: {
      namespaces: namespaces(inputs),
      resources: { ...resources(container.resources, privileged), ...unified(inputs) },
      cgroupsPath: inputs.cgroupsPath,
      sysctl: sandbox.sysctls,
      maskedPaths: privileged
        ? []
        : [...MASKED.map((name) => `/proc/${name}`), '/sys/firmware', '/sys/devices/virtual/powercap'],
      readonlyPaths: privileged ? [] : READ_ONLY.map((name) => `/proc/${name}`),
      ...(family === 'runc' && !privileged && container.security.seccomp === 'default'
        ? { seccomp: defaultSeccomp(container.security.capabilities, process.arch) }
        : {}),
    },
  };
}

/** Also what `exec` is given. */
export function processConfig(spec: ProcessSpec, security: SecuritySpec): object {
  const { capabilities } = security;
  const keeps = spec.user.uid === 0;
  const named = spec.env.some((line) => line.startsWith('HOME='));
  return {
    terminal: spec.terminal,
    user: spec.user,
    args: spec.args,
    env: named ? spec.env : [...spec.env, `HOME=${keeps ? '/root' : '/'}`],
    cwd: spec.cwd,
    // A user other than root gets none by itself; what files grant stays within the bounding set.
    capabilities: {
      bounding: capabilities,
      effective: keeps ? capabilities : [],
      permitted: keeps ? capabilities : [],
    },
    noNewPrivileges: security.noNewPrivileges,
    oomScoreAdj: security.oomScoreAdj,
  };
}

function namespaces({ sandbox, container, sandboxPaths, family, cgroupVersion }: ConfigInputs): object[] {
  const own = family === 'runc';
  const list: object[] = [{ type: 'mount' }];
  // In version 2 `/sys/fs/cgroup` is all of the host's without it.
  if (own && cgroupVersion === 2 && !container.security.privileged) list.push({ type: 'cgroup' });
  if (!sandbox.hostPid) list.push({ type: 'pid' });
  if (sandbox.network.kind === 'namespace') {
    list.push({ type: 'network', path: sandbox.network.path });
    list.push(own ? { type: 'uts', path: sandboxPaths.uts } : { type: 'uts' });
  }
  if (!sandbox.hostIpc) list.push(own ? { type: 'ipc', path: sandboxPaths.ipc } : { type: 'ipc' });
  return list;
}

function resources(spec: Resources, privileged: boolean): object {
  const { memoryBytes, cpuLimitMillis, cpuRequestMillis, pids } = spec;
  const shares = sharesOf(cpuRequestMillis);
  const quota =
    cpuLimitMillis === undefined ? undefined : Math.max(1000, cpuLimitMillis * (PERIOD_US / 1000));
  const allowed = DEVICES.map((device) => ({ allow: true, access: 'rwm', ...device }));
  return {
    devices: privileged
      ? [{ allow: true, access: 'rwm' }]
      : [
          { allow: false, access: 'rwm' },
          ...allowed,
          { allow: true, type: 'c', access: 'm' },
          { allow: true, type: 'b', access: 'm' },
        ],
    ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes, swap: memoryBytes } }),
    cpu: {
      ...(shares === undefined ? {} : { shares }),
      ...(quota === undefined ? {} : { quota, period: PERIOD_US }),
    },
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
  };
}

/** When memory runs out a container ends as a whole: half of it would be neither alive nor restarted. */
function unified({ family, cgroupVersion }: ConfigInputs): object {
  return family === 'runc' && cgroupVersion === 2 ? { unified: { 'memory.oom.group': '1' } } : {};
}

function mounts(inputs: ConfigInputs): OciMount[] {
  const { container, sandboxPaths, paths, volumes, family } = inputs;
  const writable = container.security.privileged ? 'rw' : 'ro';
  const list: OciMount[] = [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', writable] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', writable],
    },
    family === 'runsc'
      ? {
          destination: '/dev/shm',
          type: 'tmpfs',
          source: 'shm',
          options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
        }
      : bind('/dev/shm', sandboxPaths.shm, 'rw'),
  ];
  const taken = new Set(container.mounts.map((one) => one.destination));
  const etc = {
    hosts: sandboxPaths.hosts,
    hostname: sandboxPaths.hostname,
    'resolv.conf': sandboxPaths.resolv,
  };
  for (const name of SHARED_ETC) {
    if (!taken.has(`/etc/${name}`))
      list.push(bind(`/etc/${name}`, etc[name], container.readOnlyRoot ? 'ro' : 'rw'));
  }
  if (container.terminationMessageFile !== undefined)
    list.push(
      bind(container.terminationMessageFile, container.terminationLogPath ?? paths.termination, 'rw'),
    );
  return [...list, ...volumes];
}

function bind(destination: string, source: string, mode: 'ro' | 'rw'): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', 'rprivate', mode] };
}
