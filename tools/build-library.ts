import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions } from './bundle.ts';
import { LIBRARIES } from './programs.ts';

/**
 * Makes what the package exports, in `dist/library`: JavaScript, since Node.js strips no types below `node_modules`, and
 * the declarations that the public ones lead to. Apart from the programs, whose shared parts it would cut up.
 */
const ROOT = resolve(import.meta.dirname, '..');
const TARGET = join(ROOT, 'dist', 'library');
/** Types of every built-in kind; nothing that runs. */
const TYPES = 'api/types.generated';
const IMPORT = /(\bfrom |\bimport\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g;

const fresh = `${TARGET}.${process.pid}`;
const declarations = await mkdtemp(join(tmpdir(), 'amphora-types-'));
try {
  await build({
    ...bundleOptions(),
    absWorkingDir: ROOT,
    entryPoints: LIBRARIES.map((name) => `src/${name}.ts`),
    outdir: fresh,
  });
  declare(declarations);
  await copyReachable(LIBRARIES.concat(TYPES));
  await rm(TARGET, { recursive: true, force: true });
  await rename(fresh, TARGET);
} finally {
  await rm(fresh, { recursive: true, force: true });
  await rm(declarations, { recursive: true });
}

function declare(outDir: string): void {
  const flags = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', outDir];
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  execFileSync(tsc, ['-p', join(ROOT, 'tsconfig.library.json'), ...flags], { stdio: 'inherit' });
}

/** Only what a user's compiler will look at, each file naming its neighbours as they will be found. */
async function copyReachable(entries: readonly string[]): Promise<void> {
  const waiting = entries.map((name) => `${name}.d.ts`);
  const known = new Set(waiting);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const text = await readFile(join(declarations, file), 'utf8');
    for (const [, , , path = ''] of text.matchAll(IMPORT)) {
      const next = relative('/', resolve('/', dirname(file), `${path}.d.ts`));
      if (!known.has(next)) waiting.push(next);
      known.add(next);
    }
    const target = join(fresh, file);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text.replace(IMPORT, '$1$2$3.js$2'));
  }
}
