import { existsSync } from 'node:fs';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../src/engines/engine.ts';
import type { PreparedRoot, SandboxNetwork } from '../../src/engines/sandbox-spec.ts';
import { ensureGuestKernel, type GuestKernel } from '../../src/engines/vm/kernel.ts';
import { createVmEngine } from '../../src/engines/vm/vm-engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { run } from '../../src/lib/run.ts';
import { busyboxTree, type EngineHarness } from './engine-harness.ts';

/** Kept between test runs: the kernel package is 27 MB. */
export const KERNELS = '/var/cache/amphora-test/kernels';
const SIGNAL = new AbortController().signal;

export interface ChildOptions {
  readonly directory: string;
  readonly kernel: GuestKernel;
}

/** Why microVMs cannot be tested here. */
export function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const path of ['/usr/bin/qemu-system-x86_64', '/usr/bin/mkfs.erofs', '/bin/busybox', '/usr/bin/gcc'])
    if (!existsSync(path)) return `needs ${path}`;
  return undefined;
}

/** Also the entrance for a process that the suite kills. */
export async function open(options: ChildOptions): Promise<Engine> {
  return createVmEngine({
    stateDirectory: join(options.directory, 'state'),
    runDirectory: join(options.directory, 'run'),
    kernel: options.kernel,
    guestBinary: join(options.directory, 'amphora-guest'),
    user: { uid: 65534, gid: 65534 },
    clock: systemClock,
    log: silentLogger(),
  });
}

export async function vmHarness(): Promise<EngineHarness> {
  const skip = missing();
  const directory = await mkdtemp('/tmp/amphora-vm-');
  const options: ChildOptions = { directory, kernel: await kernelOrNone(skip) };
  if (skip === undefined) await buildGuest(join(directory, 'amphora-guest'));
  return {
    name: 'vm',
    runtimeClass: 'microvm',
    ...(skip === undefined ? {} : { skip }),
    lacks: { seccomp: 'the boundary is the VM; the guest kernel is the sandbox alone' },
    scratch: directory,
    patienceMs: 60_000,
    open: () => open(options),
    root: () => makeRoot(directory),
    network: makeNetwork,
    leftovers: (id) => leftovers(directory, id),
    child: { module: import.meta.filename, options },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

async function kernelOrNone(skip: string | undefined): Promise<GuestKernel> {
  if (skip === undefined) return await ensureGuestKernel(KERNELS, SIGNAL);
  return { version: '', release: '', image: '', modules: '' };
}

export async function buildGuest(output: string): Promise<void> {
  const source = new URL('../../guest', import.meta.url).pathname;
  await run('make', ['-s', '-C', source, `OUTPUT=${output}`]);
}

export async function makeRoot(directory: string): Promise<PreparedRoot> {
  const path = join(directory, 'root.erofs');
  const made = await access(path).then(
    () => true,
    () => false,
  );
  if (!made) {
    await busyboxTree(join(directory, 'tree'));
    await run('mkfs.erofs', ['--quiet', path, join(directory, 'tree')]);
  }
  return { kind: 'block', imageId: 'sha256:test', path, format: 'erofs' };
}

/** A namespace with one end of a veth pair in it, as a CNI plugin leaves it. */
export async function makeNetwork(
  id: string,
): Promise<{ network: SandboxNetwork; release(): Promise<void> }> {
  const namespace = id.slice(-15);
  const host = `h${namespace.slice(-12)}`;
  const [a, b] = [Math.floor(Math.random() * 256), Math.floor(Math.random() * 64) * 4];
  const mac = `02:00:00:00:${a.toString(16).padStart(2, '0')}:${b.toString(16).padStart(2, '0')}`;
  await run('ip', ['netns', 'add', namespace]);
  await run('ip', [
    'link',
    'add',
    host,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'address',
    mac,
    'netns',
    namespace,
  ]);
  await run('ip', ['address', 'add', `10.253.${a}.${b + 1}/30`, 'dev', host]);
  await run('ip', ['link', 'set', host, 'up']);
  await run('ip', ['-n', namespace, 'address', 'add', `10.253.${a}.${b + 2}/30`, 'dev', 'eth0']);
  await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
  const network: SandboxNetwork = {
    kind: 'namespace',
    path: `/run/netns/${namespace}`,
    interfaces: [
      {
        name: 'eth0',
        mac,
        mtu: 1500,
        addresses: [`10.253.${a}.${b + 2}/30`],
        routes: [{ destination: '0.0.0.0/0', gateway: `10.253.${a}.${b + 1}` }],
      },
    ],
  };
  return { network, release: async () => void (await run('ip', ['netns', 'del', namespace])) };
}

async function leftovers(directory: string, id: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of [join(directory, 'state/sandboxes', id), join(directory, 'run', id)])
    if (existsSync(path)) found.push(path);
  for (const pid of await readdir('/proc')) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (
      /^\d+$/.test(pid) &&
      Number(pid) !== process.pid &&
      command.includes(`/${id}/`) &&
      !command.includes('engine-child')
    )
      found.push(`process ${pid} ${command.split('\0')[0]}`);
  }
  for (const controller of ['memory', 'pids', 'cpuacct', '.']) {
    const group = join('/sys/fs/cgroup', controller, 'amphora-vm', id);
    if (existsSync(group)) found.push(group);
  }
  const taps = await run('ip', ['-n', id.slice(-15), '-o', 'link']).catch(() => undefined);
  if (taps?.stdout.includes('amphora-tap')) found.push('tap');
  return found;
}
