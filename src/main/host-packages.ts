import { access } from 'node:fs/promises';
import { AmphoraError } from '../lib/errors.ts';
import { MINUTE_MS } from '../lib/limits.ts';
import { run, tryRun } from '../lib/run.ts';

/** A distribution package, and the files of which one shows that it is there. */
export interface HostPackage {
  readonly package: string;
  readonly provides: readonly string[];
  /** What cannot be done without it. */
  readonly for: string;
}

export const HOST_PACKAGES: readonly HostPackage[] = [
  { package: 'runc', provides: ['/usr/sbin/runc', '/usr/bin/runc'], for: 'class container' },
  { package: 'runsc', provides: ['/usr/bin/runsc', '/usr/local/bin/runsc'], for: 'class gvisor' },
  {
    package: 'conmon',
    provides: ['/usr/bin/conmon', '/usr/libexec/podman/conmon'],
    for: 'classes container and gvisor',
  },
  { package: 'qemu-system-x86', provides: ['/usr/bin/qemu-system-x86_64'], for: 'class microvm' },
  { package: 'qemu-utils', provides: ['/usr/bin/qemu-img'], for: 'class microvm' },
  { package: 'erofs-utils', provides: ['/usr/bin/mkfs.erofs'], for: 'class microvm' },
  { package: 'e2fsprogs', provides: ['/usr/sbin/mkfs.ext4', '/sbin/mkfs.ext4'], for: 'class microvm' },
  { package: 'gcc', provides: ['/usr/bin/gcc'], for: 'the guest program of class microvm' },
  { package: 'libc6-dev', provides: ['/usr/include/stdio.h'], for: 'the guest program of class microvm' },
  { package: 'make', provides: ['/usr/bin/make'], for: 'the guest program of class microvm' },
  {
    package: 'containernetworking-plugins',
    provides: ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
    for: 'the pod network',
  },
  { package: 'nftables', provides: ['/usr/sbin/nft'], for: 'the pod network' },
  { package: 'iptables', provides: ['/usr/sbin/iptables'], for: 'the pod network' },
  { package: 'iproute2', provides: ['/usr/sbin/ip', '/usr/bin/ip', '/sbin/ip'], for: 'the pod network' },
  { package: 'busybox-static', provides: ['/bin/busybox', '/usr/bin/busybox'], for: 'the sample image' },
];

/** What only the tests need. */
export const TEST_PACKAGES: readonly HostPackage[] = [
  { package: 'etcd-server', provides: ['/usr/bin/etcd'], for: 'tests of the etcd driver' },
  { package: 'docker-registry', provides: ['/usr/bin/docker-registry'], for: 'tests of image pulls' },
  { package: 'skopeo', provides: ['/usr/bin/skopeo'], for: 'tests of image pulls' },
  { package: 'unzip', provides: ['/usr/bin/unzip'], for: 'unpacking the kubectl of the tests' },
];

export async function missingPackages(wanted: readonly HostPackage[]): Promise<HostPackage[]> {
  const there = await Promise.all(wanted.map((one) => anyExists(one.provides)));
  return wanted.filter((_, index) => !there[index]);
}

/**
 * Installs with the distribution's package manager, without recommended packages and without starting services.
 * @throws HostLacks when this is no Debian or Ubuntu, ProcessFailed with what apt said.
 */
export async function installPackages(packages: readonly HostPackage[], signal: AbortSignal): Promise<void> {
  if (!(await anyExists(['/usr/bin/apt-get']))) {
    const names = packages.map((one) => one.package).join(' ');
    throw new AmphoraError(
      'HostLacks',
      `no apt-get here: install these packages with your own package manager: ${names}`,
    );
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { signal, timeoutMs: 10 * MINUTE_MS, env };
  const names = packages.map((one) => one.package);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  const first = await tryRun('apt-get', install, options);
  if (first.exitCode === 0) return;
  // A machine that never read its package lists, or read them long ago, finds nothing: read them and try again.
  await run('apt-get', ['update'], options);
  await run('apt-get', install, options);
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
