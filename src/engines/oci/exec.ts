import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { run } from '../../lib/run.ts';
import type { ProcessIo } from '../engine.ts';
import type { ExecSpec } from '../sandbox-spec.ts';
import type { Attempt } from './attempt.ts';
import { processConfig } from './config.ts';
import type { Runtime } from './runtime.ts';
import { readPid } from './teardown.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** As a shell says that there is no such program; the runtime's message went to stderr. */
const EXIT_NOT_STARTED = 127;

export interface ExecOptions {
  readonly runtime: Runtime;
  readonly spec: ExecSpec;
  readonly io: ProcessIo;
}

/** Runs one more process in a container by the runtime's own `exec`, whose exit status is the process's. */
export async function execIn(
  attempt: Attempt,
  { runtime, spec, io }: ExecOptions,
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  signal.throwIfAborted();
  const mark = join(attempt.paths.bundle, `exec-${randomBytes(6).toString('hex')}`);
  const pidFile = `${mark}.pid`;
  const processFile = `${mark}.json`;
  const pidFlag = runtime.family === 'runsc' ? '--internal-pid-file' : '--pid-file';
  const { args, terminal } = spec;
  const what = processConfig({ ...attempt.spec.process, args, terminal }, attempt.spec.security);
  const size = spec.size === undefined ? {} : { consoleSize: spec.size };
  await writeFile(processFile, JSON.stringify({ ...what, ...size }));
  const words = [
    ...runtime.globals,
    'exec',
    '--process',
    processFile,
    pidFlag,
    pidFile,
    attempt.paths.runtimeId,
  ];
  const kill = () => killExec({ attempt, runtime, pidFile });
  try {
    const { exitCode } = spec.terminal
      ? await withTerminal({ program: runtime.program, words, io, spec }, kill, signal)
      : await withPipes({ program: runtime.program, words, io }, kill, signal);
    // Without a pid the runtime itself failed, and what it ended with says nothing of the program.
    const ran = exitCode === 0 || (await readPid(pidFile)) !== undefined;
    return { exitCode: ran ? exitCode : EXIT_NOT_STARTED };
  } finally {
    await Promise.all([rm(pidFile, { force: true }), rm(processFile, { force: true })]);
  }
}

async function killExec(of: { attempt: Attempt; runtime: Runtime; pidFile: string }): Promise<void> {
  const pid = await readPid(of.pidFile);
  if (pid === undefined) return;
  if (of.runtime.family === 'runc') process.kill(pid, 'SIGKILL');
  else
    await run(of.runtime.program, [
      ...of.runtime.globals,
      'kill',
      `--pid=${pid}`,
      of.attempt.paths.runtimeId,
      'KILL',
    ]);
}

interface Session {
  readonly program: string;
  readonly words: readonly string[];
  readonly io: ProcessIo;
}

async function withPipes(
  { program, words, io }: Session,
  kill: () => Promise<void>,
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  const child = spawn(program, words, { env: { PATH: process.env.PATH }, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = ending(child, program);
  child.stdin.on('error', () => {}); // It may end without reading.
  if (io.stdin === undefined) child.stdin.end();
  else io.stdin.pipe(child.stdin);
  const abort = onAbort(signal, kill, child);
  try {
    const flows = Promise.all([pipeline(child.stdout, io.stdout), pipeline(child.stderr, io.stderr)]);
    const [exitCode] = await Promise.all([ended, flows]);
    signal.throwIfAborted();
    return { exitCode };
  } finally {
    abort();
    io.stdin?.unpipe(child.stdin);
  }
}

async function withTerminal(
  { program, words, io, spec }: Session & { spec: ExecSpec },
  kill: () => Promise<void>,
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  const terminal = openTerminal(spec.size ?? { width: 80, height: 24 });
  const { slave } = terminal;
  const child = spawn(program, words, { env: { PATH: process.env.PATH }, stdio: [slave, slave, slave] });
  closeSync(slave);
  const ended = ending(child, program);
  const abort = onAbort(signal, kill, child);
  const over = new AbortController();
  const resizing = resize(terminal, io, child, over.signal);
  try {
    io.stdin?.pipe(terminal.stream);
    const output = terminal.copyTo(io.stdout);
    const exitCode = await ended;
    await output;
    signal.throwIfAborted();
    return { exitCode };
  } finally {
    abort();
    over.abort();
    io.stdin?.unpipe(terminal.stream);
    terminal.stream.destroy();
    await resizing;
  }
}

/** The runtime relays the size of its own terminal when told that it changed. */
async function resize(
  terminal: Terminal,
  io: ProcessIo,
  child: { kill(signal: NodeJS.Signals): boolean },
  over: AbortSignal,
): Promise<void> {
  if (io.resize === undefined) return;
  const sizes = io.resize[Symbol.asyncIterator]();
  const stopped = new Promise<undefined>((resolve) =>
    over.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  for (;;) {
    const next = await Promise.race([sizes.next(), stopped]);
    if (next === undefined || next.done === true || over.aborted) return;
    terminal.resize(next.value);
    child.kill('SIGWINCH');
  }
}

function ending(child: ReturnType<typeof spawn>, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(AmphoraError.during(`running ${program}`, error)));
    child.once('exit', (code) => resolve(code ?? 137));
  });
}

function onAbort(
  signal: AbortSignal,
  kill: () => Promise<void>,
  child: { kill(signal: NodeJS.Signals): boolean },
): () => void {
  const abort = () => {
    // The runtime's own process goes in any case, also when there is no pid to kill yet.
    kill()
      .catch(() => {})
      .finally(() => child.kill('SIGKILL'));
  };
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
