/**
 * Runs the tests: all of them, or those below the folders of `test` named on the command line (`conformance`,
 * `e2e`, …). As root it first installs what is missing, saying so; without root, what needs it is skipped by
 * name and counted.
 */
import { spawn } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HOST_PACKAGES, installPackages, missingPackages, TEST_PACKAGES } from '../src/main/host-packages.ts';

const ROOT = resolve(import.meta.dirname, '..');
const TEST_TIMEOUT_MS = 10 * 60_000;

const { positionals } = parseArgs({ allowPositionals: true });
if (process.getuid?.() === 0) await installMissing();
process.exitCode = await runTests(await testFiles(positionals));

async function installMissing(): Promise<void> {
  const missing = await missingPackages([...HOST_PACKAGES, ...TEST_PACKAGES]);
  if (missing.length === 0) return;
  console.log(`installing what the tests need: ${missing.map((wanted) => wanted.package).join(' ')}`);
  await installPackages(missing, AbortSignal.timeout(10 * 60_000));
}

async function testFiles(suites: readonly string[]): Promise<string[]> {
  const patterns =
    suites.length === 0
      ? ['{src,tools,test}/**/*.test.ts']
      : suites.map((suite) => `test/${suite}/**/*.test.ts`);
  const files = await Array.fromAsync(glob(patterns, { cwd: ROOT }));
  return files.sort();
}

async function runTests(files: readonly string[]): Promise<number> {
  const flags = [
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
  ];
  const child = spawn(process.execPath, [...flags, ...files], { cwd: ROOT, stdio: 'inherit' });
  return await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => done(code ?? 1));
  });
}
