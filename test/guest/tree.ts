import { chmod, copyFile, cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { run } from '../../src/lib/run.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Puts programs of this machine into a guest's root, with their shared libraries, under the names they have here. */
export async function installPrograms(
  tree: string,
  programs: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const files = new Map<string, string>();
  for (const [at, program] of Object.entries(programs)) {
    files.set(at, program);
    for (const library of await librariesOf(program, signal)) files.set(library, library);
  }
  for (const [at, from] of files) {
    const to = join(tree, at);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
    await chmod(to, 0o755);
  }
}

/** busybox, and a link to it for each of its applets that is nobody else's name. */
export async function installBusybox(tree: string, signal: AbortSignal): Promise<void> {
  const folder = join(tree, 'bin');
  await installPrograms(tree, { 'bin/busybox': '/bin/busybox' }, signal);
  const applets = (await run('/bin/busybox', ['--list'], { signal })).stdout.toString().trim().split('\n');
  for (const applet of applets.filter((name) => name !== 'busybox'))
    await symlink('busybox', join(folder, applet)).catch(ignoreExisting);
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** The shared libraries of a program and its loader, by absolute path; none for a static one. */
async function librariesOf(program: string, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await run('ldd', [program], { signal }).catch(() => ({ stdout: '' }));
  return [...stdout.toString().matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []);
}

/** Copies npm packages, with all they depend on, into `folder/node_modules`. */
export async function installPackages(folder: string, packages: readonly string[]): Promise<void> {
  const done = new Set<string>();
  const waiting = [...packages];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (done.has(name)) continue;
    done.add(name);
    const from = join(ROOT, 'node_modules', name);
    // npm checked its form when it installed the package.
    const { dependencies } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    waiting.push(...Object.keys(dependencies ?? {}));
    await cp(from, join(folder, 'node_modules', name), { recursive: true, dereference: true });
  }
}
