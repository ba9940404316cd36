import type { Container, Pod } from '../../api/types.generated.ts';
import type { SecuritySpec, UserSpec } from '../../engines/sandbox-spec.ts';
import { AmphoraError } from '../../lib/errors.ts';

/** What a container may do unless it says otherwise: the set that container runtimes agree on. */
const DEFAULT_CAPABILITIES = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
] as const;

/** Every capability Linux 6.x knows, by number. https://man7.org/linux/man-pages/man7/capabilities.7.html */
const ALL_CAPABILITIES: readonly string[] = [
  ...'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE'.split(' '),
  ...'NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO'.split(' '),
  ...'SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME'.split(' '),
  ...'SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG'.split(' '),
  ...'WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(' '),
].map((name) => `CAP_${name}`);

export function securityOf(pod: Pod, container: Container, oomScoreAdj: number): SecuritySpec {
  const context = container.securityContext ?? {};
  const privileged = context.privileged === true;
  const profile = context.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  if (profile?.type === 'Localhost') {
    throw new AmphoraError(
      'NotImplemented',
      `container ${container.name}: securityContext.seccompProfile.type Localhost is not supported; use RuntimeDefault or Unconfined`,
    );
  }
  return {
    privileged,
    noNewPrivileges: context.allowPrivilegeEscalation === false && !privileged,
    capabilities: privileged ? ALL_CAPABILITIES : capabilitiesOf(container),
    seccomp: privileged || profile?.type === 'Unconfined' ? 'unconfined' : 'default',
    oomScoreAdj,
  };
}

function capabilitiesOf(container: Container): string[] {
  const { add = [], drop = [] } = container.securityContext?.capabilities ?? {};
  const dropsAll = drop.some(isAll);
  const result = new Set<string>(add.some(isAll) ? ALL_CAPABILITIES : dropsAll ? [] : DEFAULT_CAPABILITIES);
  for (const name of drop) if (!isAll(name)) result.delete(qualified(name));
  for (const name of add) if (!isAll(name)) result.add(qualified(name));
  return [...result].sort();
}

function isAll(name: string): boolean {
  return name.toUpperCase() === 'ALL';
}

function qualified(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

/** The user the pod asks for; undefined leaves the choice to the image. */
export function requestedUser(pod: Pod, container: Container): string | undefined {
  const uid = container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
  return uid === undefined ? undefined : String(uid);
}

/** Puts the pod's groups on the user that was resolved. @throws Invalid for root where runAsNonRoot forbids it. */
export function userOf(
  pod: Pod,
  container: Container,
  resolved: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] },
): UserSpec {
  const context = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const nonRoot = own.runAsNonRoot ?? context.runAsNonRoot ?? false;
  if (nonRoot && resolved.uid === 0) {
    throw new AmphoraError(
      'Invalid',
      `container has runAsNonRoot and image will run as root (pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`,
    );
  }
  const strict = context.supplementalGroupsPolicy === 'Strict';
  const groups = new Set(strict ? [] : resolved.additionalGids);
  for (const gid of context.supplementalGroups ?? []) groups.add(gid);
  if (context.fsGroup !== undefined) groups.add(context.fsGroup);
  return {
    uid: resolved.uid,
    gid: own.runAsGroup ?? context.runAsGroup ?? resolved.gid,
    additionalGids: [...groups],
  };
}
