import { ALLOWED_SYSCALLS } from './seccomp-syscalls.ts';

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** All CLONE_NEW… flags: what clone(2) may not be asked for without CAP_SYS_ADMIN. */
const CLONE_NAMESPACES = 0x7e020000;
/** Execution domains that change nothing of weight: Linux, its 32-bit uname, no address randomisation off. */
const PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xffffffff];

/** System calls that come with a capability; a container without it does not see them work. */
const BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_SYS_ADMIN: [
    'bpf',
    'clone',
    'clone3',
    'fanotify_init',
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'lookup_dcookie',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
    'perf_event_open',
    'quotactl',
    'quotactl_fd',
    'setdomainname',
    'sethostname',
    'setns',
    'syslog',
    'umount',
    'umount2',
    'unshare',
  ],
  CAP_BPF: ['bpf'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'migrate_pages', 'move_pages', 'set_mempolicy'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_adjtime', 'clock_settime', 'clock_settime64', 'settimeofday', 'stime'],
  CAP_SYS_TTY_CONFIG: ['vhangup'],
  CAP_SYSLOG: ['syslog'],
};

/** Linux 4.8 and newer check the seccomp filter after ptrace, so tracing one's own children is safe. */
const TRACING = ['ptrace', 'process_vm_readv', 'process_vm_writev'];

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: ReadonlyArray<{ index: number; value: number; valueTwo?: number; op: string }>;
}

/**
 * The default profile for containers on the host's kernel: an allow list that means what Docker's default does.
 * Shape: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config-linux.md#seccomp
 */
export function defaultSeccomp(capabilities: readonly string[], architecture: string) {
  const extra = capabilities.flatMap((name) => BY_CAPABILITY[name] ?? []);
  const rules: Rule[] = [
    { names: [...ALLOWED_SYSCALLS, ...TRACING, ...extra], action: 'SCMP_ACT_ALLOW' },
    { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }] },
    ...PERSONALITIES.map((value) => ({
      names: ['personality'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    })),
  ];
  if (!extra.includes('clone')) {
    const args = [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }];
    rules.push({ names: ['clone'], action: 'SCMP_ACT_ALLOW', args });
    // clone3 passes its flags in memory, which a filter can't see; ENOSYS makes the C library fall back to clone.
    rules.push({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS });
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures:
      architecture === 'arm64'
        ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']
        : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: rules,
  };
}
