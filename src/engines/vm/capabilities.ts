/** Linux capabilities in the order of their numbers: linux/capability.h. */
const NAMES = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE',
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
]
  .join(' ')
  .split(' ');

/** Names such as `CAP_CHOWN` as the bits of the kernel's sets; what this list does not know is left out. */
export function capabilityBits(names: readonly string[]): bigint {
  let bits = 0n;
  for (const name of names) {
    const number = NAMES.indexOf(name.replace(/^CAP_/, ''));
    if (number >= 0) bits |= 1n << BigInt(number);
  }
  return bits;
}
