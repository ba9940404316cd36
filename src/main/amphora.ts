import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline/promises';
import type { CliContext } from '../cli/context.ts';
import { runProgram } from '../cli/program.ts';
import { createProgress } from '../cli/progress.ts';
import { VERSION } from './version.ts';

const KEEP_COMPILED_AFTER_MS = 5000;

/** The program: one of the two processes when started as such by `up`, else a verb of the command line. */
const [role, ...rest] = process.argv.slice(2);
if (role === 'run-server' || role === 'run-node') keepCompiledCode();
if (role === 'run-server') await import('./server.ts').then((server) => server.main(rest));
else if (role === 'run-node') await import('./node.ts').then((node) => node.main(rest));
else process.exitCode = await runProgram(createContext(), process.argv.slice(2));

/** Once all that a start loads is loaded: a process that is killed later would keep nothing. */
function keepCompiledCode(): void {
  setTimeout(flushCompileCache, KEEP_COMPILED_AFTER_MS).unref();
}

function createContext(): CliContext {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  return {
    platform: async (instance) => (await import('./platform.ts')).createPlatform(instance),
    out: process.stdout,
    err: process.stderr,
    progress: createProgress(process.stderr),
    signal: interrupt.signal,
    version: VERSION,
    confirm,
  };
}

async function confirm(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY) return undefined;
  using terminal = createInterface({ input: process.stdin, output: process.stderr });
  return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
}
