import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findGuestKernel } from '../../src/engines/vm/kernel.ts';
import { makeSampleImage } from '../../src/images/sample.ts';
import { prepareGuest } from '../../src/main/guest.ts';
import { guestPrograms, kernelDirectory } from '../../src/main/host-parts.ts';
import { type Layout, layoutOf } from '../../src/main/instance.ts';
import { cacheDirectory } from './kubectl-binary.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const UP_MS = 120_000;
const execute = promisify(execFile);

export const SAMPLE_IMAGE = 'localhost/amphora/sample:1';

/** Why these tests are not run, where they are not: given to `describe` as `skip`. */
export const SKIP = process.getuid?.() === 0 ? false : 'needs root: the real platform makes namespaces';

/** A real platform of its own on this machine: both processes, the engines, the network, the sample image. */
export interface E2ePlatform {
  readonly layout: Layout;
  readonly port: number;
  readonly kubeconfig: string;
  /** Runs `./amphora` on this instance. @returns standard output */
  amphora(args: readonly string[]): Promise<string>;
  /** `false`, or why the class is not available here, in the words of the engine's fingerprint. */
  whyNot(runtimeClass: string): Promise<string | false>;
  /** Ends all of it. @throws when anything is left on the machine. */
  purge(): Promise<void>;
}

/** @param name at most 3 letters; with the process's id it names the instance, so test files can run side by side. */
export async function startPlatform(name: string): Promise<E2ePlatform> {
  const instance = `${name}${process.pid}`;
  const layout = layoutOf(instance);
  const amphora = async (args: readonly string[]) =>
    (await execute(join(ROOT, 'amphora'), ['--instance', instance, ...args], { timeout: UP_MS })).stdout;
  const purge = async () => {
    await amphora(['down', '--purge']);
    const left = await leftovers(layout);
    if (left.length > 0) throw new Error(`'down --purge' left behind:\n${left.join('\n')}`);
  };
  try {
    await putGuest(layout);
    const port = await freePort();
    // The last two digits of the process's id pick the network, so that instances do not meet.
    const podCidr = `10.${140 + (process.pid % 100)}.0.0/16`;
    await amphora(['up', '--port', String(port), '--pod-cidr', podCidr, '--store', 'memory']);
    await importSample(amphora);
    return {
      layout,
      port,
      kubeconfig: layout.kubeconfig,
      amphora,
      purge,
      whyNot: (runtimeClass) => whyNot(runtimeClass, amphora),
    };
  } catch (error) {
    await amphora(['down', '--purge']);
    throw error;
  }
}

/** Builds the guest programs and fetches the guest kernel once for all runs, and copies them into the instance's state. */
async function putGuest(layout: Layout): Promise<void> {
  const cached = { ...layout, state: cacheDirectory() };
  await prepareGuest(cached, AbortSignal.timeout(UP_MS));
  // By name: beside what is whole lies what another run is making, which goes away while it is copied.
  const [from, to] = [guestPrograms(cached), guestPrograms(layout)];
  await mkdir(to.directory, { recursive: true, mode: 0o755 });
  await copyFile(from.guest, to.guest);
  await copyFile(from.pause, to.pause);
  const kernel = await findGuestKernel(kernelDirectory(cached));
  if (kernel === undefined) throw new Error('no guest kernel was unpacked');
  await cp(join(kernelDirectory(cached), kernel.version), join(kernelDirectory(layout), kernel.version), {
    recursive: true,
  });
}

async function importSample(amphora: E2ePlatform['amphora']): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-e2e-'));
  try {
    const archive = join(directory, 'sample.tar');
    await makeSampleImage(archive, SAMPLE_IMAGE);
    await amphora(['image', 'import', archive]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function whyNot(runtimeClass: string, amphora: E2ePlatform['amphora']): Promise<string | false> {
  const found = (await amphora(['doctor']))
    .split('\n')
    .find((line) => line.includes(`class ${runtimeClass}`));
  if (found === undefined) return `no engine here has the class ${runtimeClass}`;
  return / ok /.test(found) ? false : found.trim();
}

/** A port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('the probe has no port');
  return address.port;
}

/** What of an instance is still on the machine, a line each. */
export async function leftovers(layout: Layout): Promise<string[]> {
  const { config, state, run, log, bridge, cgroup, user } = layout;
  const left: string[] = [];
  for (const path of [config, state, run, log]) if (await exists(path)) left.push(`directory ${path}`);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  left.push(...mounts.filter((line) => line.includes(`/${cgroup}/`)).map((line) => `mount ${line}`));
  for (const path of ['', ...(await readdir('/sys/fs/cgroup'))].map((at) =>
    join('/sys/fs/cgroup', at, cgroup),
  ))
    if (await exists(path)) left.push(`cgroup ${path}`);
  const links = (await execute('ip', ['-o', 'link'])).stdout.split('\n');
  left.push(...links.filter((line) => line.includes(bridge)).map((line) => `link ${line}`));
  const tables = (await execute('nft', ['list', 'tables'])).stdout.split('\n');
  left.push(...tables.filter((line) => line.endsWith(` ${cgroup}`)).map((line) => `nft ${line}`));
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n');
  left.push(...users.filter((line) => line.startsWith(`${user}:`)).map((line) => `user ${line}`));
  left.push(...(await processesNaming([state, run, config])));
  return left;
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}

/** conmon, QEMU, runsc and our own processes name their directories on their command lines. */
async function processesNaming(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (paths.some((path) => command.includes(path)))
      found.push(`process ${pid} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}
