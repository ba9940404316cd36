import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(ROOT, 'examples', 'testing');
const TIMEOUT_MS = 120_000;

test('the packed package is used from JavaScript, and from TypeScript under a plain compiler', {
  timeout: TIMEOUT_MS,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-package-'));
  try {
    await install(folder);
    for (const name of await readdir(EXAMPLES)) await cp(join(EXAMPLES, name), join(folder, name));
    run(folder, process.execPath, ['--test', 'config-maps.test.js']);
    run(folder, process.execPath, ['--test', 'controller.test.ts']);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    run(folder, join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', '.']);
    // A compiler that would find nothing finds nothing wrong: it must see what the types say.
    await writeFile(join(folder, 'wrong.ts'), WRONG);
    assert.throws(() => run(folder, join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', '.']), /wrong\.ts/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    allowImportingTsExtensions: true,
  },
  include: ['*.ts'],
};

const WRONG = `
import { startCluster } from 'amphora/testing';
const cluster = await startCluster({ nodes: 'many' });
cluster.nothing();
`;

/** As npm would: the tarball's files, and beside them what the package needs, which npm can't fetch here. */
async function install(folder: string): Promise<void> {
  run(ROOT, process.execPath, ['tools/build.ts']);
  run(ROOT, process.execPath, ['tools/build-library.ts']);
  const packed = run(ROOT, 'npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]);
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]; // As npm documents.
  const paths = files.map(({ path }) => path);
  assert.ok(paths.includes('dist/library/main/library/testing.js'));
  assert.ok(!paths.some((path) => path.startsWith('src/') || path.startsWith('node_modules/')));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'amphora'), { recursive: true });
  run(folder, 'tar', ['-xzf', filename, '-C', join(modules, 'amphora'), '--strip-components=1']);
  for (const name of await readdir(join(ROOT, 'node_modules')))
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'module' }));
}

function run(cwd: string, program: string, args: readonly string[]): string {
  // A test run inside a test run would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    return execFileSync(program, args, { cwd, env, encoding: 'utf8', timeout: TIMEOUT_MS, stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }; // As execFileSync documents.
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
