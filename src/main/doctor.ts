import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../cli/platform.ts';
import type { ClassFingerprint } from '../engines/sandbox-spec.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { HOST_PACKAGES, missingPackages } from './host-packages.ts';
import { createEngines } from './host-parts.ts';
import type { Layout } from './instance.ts';

/** Looks at what this machine can really do; classes are probed by the engines themselves. */
export async function examine(layout: Layout, signal: AbortSignal): Promise<Finding[]> {
  const [general, classes] = await Promise.all([machineFindings(), classFindings(layout, signal)]);
  return [...general, ...classes];
}

async function machineFindings(): Promise<Finding[]> {
  const missing = await missingPackages(HOST_PACKAGES);
  const names = missing.map((one) => one.package).join(' ');
  return [
    finding('Node.js', true, process.version, ''),
    finding('root', process.getuid?.() === 0, `uid ${process.getuid?.()}`, 'run with sudo'),
    finding(
      'packages',
      missing.length === 0,
      missing.length === 0 ? 'all there' : `missing: ${names}`,
      `sudo apt-get install ${names}`,
    ),
    finding('cgroups', true, await cgroupMode(), ''),
    finding(
      '/dev/kvm',
      await exists('/dev/kvm'),
      (await exists('/dev/kvm')) ? 'there; whether it works is probed by class microvm' : 'absent',
      'without it microVMs run in software (TCG), several times slower; turn on nested virtualization',
    ),
  ];
}

function finding(subject: string, ok: boolean, found: string, remedy: string): Finding {
  return { subject, ok, found, remedy: ok ? '' : remedy };
}

async function cgroupMode(): Promise<string> {
  if (await exists('/sys/fs/cgroup/cgroup.controllers'))
    return `v2 (${(await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8')).trim()})`;
  return (await exists('/sys/fs/cgroup/unified')) ? 'hybrid: v1 controllers' : 'v1';
}

/** In directories of its own, so that a platform that runs here is not disturbed; the kernel is the installed one. */
async function classFindings(layout: Layout, signal: AbortSignal): Promise<Finding[]> {
  if (process.getuid?.() !== 0)
    return [finding('classes', false, 'not probed', 'run with sudo: probing makes namespaces')];
  const directory = await mkdtemp(join(tmpdir(), 'amphora-doctor-'));
  try {
    const scratch = { ...layout, nodeState: join(directory, 'state'), run: join(directory, 'run') };
    const engines = await createEngines({ layout: scratch, clock: systemClock, log: silentLogger() });
    const all = (await Promise.all(engines.map((engine) => engine.fingerprint(signal)))).flat();
    await Promise.all(engines.map((engine) => engine.close()));
    const known = new Set(all.map((one) => one.runtimeClass));
    const microvm = known.has('microvm')
      ? []
      : [
          finding(
            'class microvm',
            false,
            'no guest kernel',
            "run 'sudo ./amphora quickstart': it unpacks one into Amphora's own directory",
          ),
        ];
    return [...all.map(classFinding), ...microvm];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function classFinding({ runtimeClass, available, version, reason }: ClassFingerprint): Finding {
  return finding(`class ${runtimeClass}`, available, available ? version : reason, reason);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
