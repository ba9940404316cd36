import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type OutputFile } from 'esbuild';
import { bundleOptions } from './bundle.ts';
import { PROGRAMS } from './programs.ts';

/**
 * Makes the bundle that `./amphora` runs, in `dist/`: fewer files to find and no types to strip. Processes that
 * run from an earlier bundle are not disturbed: shared parts are named by their content and stay for a day.
 */
const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
const KEEP_OLD_MS = 24 * 3_600_000;

const result = await build({
  ...bundleOptions(),
  absWorkingDir: ROOT,
  entryPoints: PROGRAMS.map((name) => `src/${name}.ts`),
  outdir: DIST,
  write: false,
});

/** Parts first: a program must never name one that is not there yet. */
const files = result.outputFiles.toSorted((a, b) => Number(isPart(b)) - Number(isPart(a)));
const owner = await stat(join(ROOT, 'src'));
for (const file of files) await put(file);
const names = files.map(({ path }) => relative(ROOT, path)).sort();
await put({ path: join(DIST, 'files.json'), contents: Buffer.from(JSON.stringify(names)) });
await removeOldParts(new Set(files.map(({ path }) => path)));
const bytes = files.reduce((sum, { contents }) => sum + contents.length, 0);
if (process.stdout.isTTY) console.log(`dist: ${files.length} files, ${Math.round(bytes / 1024)} KiB`);

function isPart({ path }: OutputFile): boolean {
  return path.startsWith(join(DIST, 'parts'));
}

/** Written whole or not at all, and owned by whom the sources belong to, so that a user can build after root did. */
async function put({ path, contents }: Pick<OutputFile, 'path' | 'contents'>): Promise<void> {
  for (const directory of [DIST, dirname(dirname(path)), dirname(path)].filter((one) =>
    one.startsWith(DIST),
  )) {
    const isNew = (await mkdir(directory, { recursive: true, mode: 0o755 })) !== undefined;
    if (isNew) await own(directory);
  }
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, contents, { mode: 0o644 });
  await own(temporary);
  await rename(temporary, path);
}

async function own(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, owner.uid, owner.gid);
}

async function removeOldParts(current: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(join(DIST, 'parts'))) {
    const path = join(DIST, 'parts', name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() })); // Another build removed it.
    if (!current.has(path) && Date.now() - mtimeMs > KEEP_OLD_MS) await rm(path, { force: true });
  }
}
