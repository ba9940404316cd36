import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { MINUTE_MS } from '../../lib/limits.ts';
import { run, tryRun } from '../../lib/run.ts';

/** A kernel of the distribution, unpacked; never installed. */
export interface GuestKernel {
  /** Package and version, which name the directory. */
  readonly version: string;
  /** What `uname -r` will say. */
  readonly release: string;
  /** Path of the bzImage. */
  readonly image: string;
  /** The directory below which the `.ko` files are. */
  readonly modules: string;
}

interface PackageVersion {
  readonly name: string;
  readonly version: string;
}

const DOWNLOAD_MS = 5 * MINUTE_MS;

/**
 * The newest guest kernel that the distribution offers, downloaded with its package manager and unpacked into
 * `directory`; the host's boot is not touched. Answers at once when that version is there already.
 * @throws HostLacks when no package source has a kernel for virtual machines; Unavailable when it cannot be fetched.
 */
export async function ensureGuestKernel(directory: string, signal: AbortSignal): Promise<GuestKernel> {
  const image = await resolvePackage(signal);
  const name = `${image.name}_${image.version.replaceAll(/[^A-Za-z0-9.+~-]/g, '_')}`;
  const target = join(directory, name);
  const present = await readKernel(target);
  if (present !== undefined) return present;
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(directory, '.unpacking-'));
  try {
    const packages = [image, ...(await modulePackages(image, signal))];
    for (const one of packages) await fetchAndUnpack(one, work, signal);
    await moveIntoPlace(join(work, 'root'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const kernel = await readKernel(target);
  if (kernel === undefined)
    throw new AmphoraError('Corrupt', `package ${image.name} holds no kernel image and modules`);
  return kernel;
}

/** Somebody else may have been faster, and be using it already: theirs is as good. */
async function moveIntoPlace(source: string, target: string): Promise<void> {
  if ((await readKernel(target)) !== undefined) return;
  await rm(target, { recursive: true, force: true });
  await rename(source, target).catch(async (error: unknown) => {
    if ((await readKernel(target)) === undefined) throw error;
  });
}

/** The newest kernel already unpacked below `directory`, without asking the package manager. */
export async function findGuestKernel(directory: string): Promise<GuestKernel | undefined> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith('linux-image-'));
  names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const name of names) {
    const kernel = await readKernel(join(directory, name));
    if (kernel !== undefined) return kernel;
  }
  return undefined;
}

async function readKernel(directory: string): Promise<GuestKernel | undefined> {
  const boot = await readdir(join(directory, 'boot')).catch(() => []);
  const file = boot.find((name) => name.startsWith('vmlinuz-'));
  if (file === undefined) return undefined;
  const release = file.slice('vmlinuz-'.length);
  for (const place of ['lib/modules', 'usr/lib/modules']) {
    const modules = join(directory, place, release);
    if ((await readdir(modules).catch(() => [])).length === 0) continue;
    return {
      version: directory.slice(directory.lastIndexOf('/') + 1),
      release,
      image: join(directory, 'boot', file),
      modules,
    };
  }
  return undefined;
}

/** Debian's and Ubuntu's names for "the kernel for virtual machines", best first, resolved to a real package. */
async function resolvePackage(signal: AbortSignal): Promise<PackageVersion> {
  const architecture = (await run('dpkg', ['--print-architecture'], { signal })).stdout.toString().trim();
  const candidates = [`linux-image-cloud-${architecture}`, 'linux-image-kvm', 'linux-image-virtual'];
  for (const candidate of candidates) {
    const shown = await tryRun('apt-cache', ['show', '--no-all-versions', candidate], { signal });
    const depends = /^Depends:(.*)$/m.exec(shown.stdout.toString())?.[1] ?? '';
    const name = /\blinux-image-(?:unsigned-)?[0-9][^ ,(]*/.exec(depends)?.[0];
    if (shown.exitCode !== 0 || name === undefined) continue;
    return { name, version: await candidateVersion(name, signal) };
  }
  throw new AmphoraError(
    'HostLacks',
    `no guest kernel: none of the packages ${candidates.join(', ')} is known here; run 'apt-get update' as root, or check the package sources`,
  );
}

async function candidateVersion(name: string, signal: AbortSignal): Promise<string> {
  const policy = await run('apt-cache', ['policy', name], { signal, env: { LC_ALL: 'C' } });
  const version = /Candidate: (\S+)/.exec(policy.stdout.toString())?.[1];
  if (version === undefined || version === '(none)')
    throw new AmphoraError('HostLacks', `package ${name} has no candidate; run 'apt-get update' as root`);
  return version;
}

/** Ubuntu keeps the modules apart from the image. */
async function modulePackages(image: PackageVersion, signal: AbortSignal): Promise<PackageVersion[]> {
  const name = image.name.replace(/^linux-image-(unsigned-)?/, 'linux-modules-');
  const shown = await tryRun('apt-cache', ['show', '--no-all-versions', name], { signal });
  if (shown.exitCode !== 0) return [];
  return [{ name, version: await candidateVersion(name, signal) }];
}

async function fetchAndUnpack(one: PackageVersion, work: string, signal: AbortSignal): Promise<void> {
  const root = join(work, 'root');
  await mkdir(root, { recursive: true });
  // apt checks the signatures; its unprivileged downloader cannot enter our directory, hence root's own.
  const args = ['-q', '-o', 'APT::Sandbox::User=root', 'download', `${one.name}=${one.version}`];
  try {
    await run('apt-get', args, { cwd: work, timeoutMs: DOWNLOAD_MS, signal });
  } catch (error) {
    const cause = AmphoraError.from(error);
    throw new AmphoraError(
      'Unavailable',
      `downloading the guest kernel ${one.name} ${one.version}: ${cause.message}; check the network and run 'apt-get update'`,
      { cause },
    );
  }
  const archive = (await readdir(work)).find((name) => name.startsWith(`${one.name}_`));
  if (archive === undefined)
    throw new AmphoraError('Corrupt', `apt-get download left no file for ${one.name}`);
  await run('dpkg-deb', ['-x', join(work, archive), root], { timeoutMs: DOWNLOAD_MS, signal });
  await rm(join(work, archive));
}

/** The kernel's own build options: `CONFIG_EROFS_FS` → `m`. */
export async function readKernelConfig(kernel: GuestKernel): Promise<ReadonlyMap<string, string>> {
  const path = kernel.image.replace('vmlinuz-', 'config-');
  const options = new Map<string, string>();
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const match = /^(CONFIG_\w+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined) options.set(match[1], match[2] ?? '');
  }
  return options;
}
