import { createHash } from 'node:crypto';
import { cp, link, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isBundle, programFile, projectFile } from '../lib/program-files.ts';

/** Packages that stay outside the bundle: their native parts are found beside their own files. */
const NATIVE_PACKAGES = ['lmdb', 'koffi'];

/** What starts a process of ours. */
export interface InstalledProgram {
  /** The Node.js that runs it. */
  readonly runtime: string;
  /** The directory of this version, or of the project. */
  readonly root: string;
  /** What the runtime is told to run. */
  readonly entry: string;
}

/** The bundle of one version, as {@link installProgram} put it into `root`. */
export function installedAt(root: string): InstalledProgram {
  return { runtime: join(root, 'bin', 'node'), root, entry: join(root, 'dist', 'main', 'amphora.js') };
}

/**
 * Puts the bundle, its native packages and Node.js into `directory`, where the server's unprivileged user can read
 * them (a clone often lies in somebody's closed home) and where a newer clone or build does not change what runs.
 * Each version has a directory of its own; a source tree runs where it is.
 */
export async function installProgram(directory: string): Promise<InstalledProgram> {
  if (!isBundle()) {
    return { runtime: process.execPath, root: projectFile('.'), entry: programFile('main/amphora') };
  }
  const files = await bundleFiles();
  const target = join(directory, await digestOf(files));
  const program = installedAt(target);
  if ((await readdir(target).catch(() => [])).length > 0) return program;
  const fresh = `${target}.${process.pid}`;
  await mkdir(fresh, { recursive: true, mode: 0o755 });
  for (const file of [...files, 'package.json']) await put(projectFile(file), join(fresh, file));
  for (const name of await packagesBelow(NATIVE_PACKAGES)) {
    await cp(projectFile(`node_modules/${name}`), join(fresh, 'node_modules', name), { recursive: true });
  }
  await put(process.execPath, join(fresh, 'bin', 'node'));
  await rename(fresh, target);
  return program;
}

/** Removes every version but `current`; called once nothing runs from the others. */
export async function removeOldPrograms(directory: string, current: InstalledProgram): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (name !== basename(current.root)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Paths below the project's root, as `tools/build.ts` listed them. */
async function bundleFiles(): Promise<string[]> {
  const list = JSON.parse(await readFile(projectFile('dist/files.json'), 'utf8')) as string[]; // Written by our own build.
  return [...list, 'dist/files.json'];
}

/** Names of shared parts hold their content's hash, so the names and the entries' contents tell the version. */
async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(`${process.version}\n${files.join('\n')}\n`);
  for (const file of files.filter((name) => !name.includes('/parts/')))
    hash.update(await readFile(projectFile(file)));
  return hash.digest('hex').slice(0, 16);
}

/** A second name costs nothing and shares memory with the first; another file system gets a copy. */
async function put(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await link(source, target).catch(() => cp(source, target));
}

/** The packages and what they need at run time, as far as it is installed for this machine. */
async function packagesBelow(
  names: readonly string[],
  known = new Set<string>(),
): Promise<ReadonlySet<string>> {
  for (const name of names) {
    if (known.has(name)) continue;
    const text = await readFile(projectFile(`node_modules/${name}/package.json`), 'utf8').catch(
      () => undefined,
    );
    if (text === undefined) continue;
    known.add(name);
    // A package's own description; members that are missing are empty.
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(text) as Record<
      string,
      Record<string, string>
    >;
    await packagesBelow([...Object.keys(dependencies), ...Object.keys(optionalDependencies)], known);
  }
  return known;
}
