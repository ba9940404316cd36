import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { AttemptPaths } from './paths.ts';

export interface ConmonOptions {
  readonly conmon: string;
  /** The program that conmon calls with `create`, and its global arguments. */
  readonly runtime: string;
  readonly runtimeArgs: readonly string[];
  readonly exits: string;
  readonly sockets: string;
  readonly logPath: string;
  readonly terminal: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
}

/**
 * Has a container created under a conmon of its own, which forks away from us and lives as long as the container.
 * @returns the pid of the container's first process. @throws ProcessFailed with what the runtime said.
 */
export async function createUnderConmon(
  paths: AttemptPaths,
  options: ConmonOptions,
  signal: AbortSignal,
): Promise<number> {
  const args = ['--api-version', '1', '-c', paths.runtimeId, '-u', paths.runtimeId, '-n', paths.runtimeId];
  args.push('-r', options.runtime, '-b', paths.bundle, '-p', paths.pidFile, '-P', paths.conmonPidFile);
  args.push('--exit-dir', options.exits, '--socket-dir-path', options.sockets, '--log-level', 'error');
  args.push('-l', `k8s-file:${options.logPath}`);
  for (const arg of options.runtimeArgs) args.push('--runtime-arg', arg);
  if (options.terminal) args.push('-t');
  if (options.stdin) args.push('-i');
  if (options.stdin && !options.stdinOnce) args.push('--leave-stdin-open');
  const child = spawn(options.conmon, args, {
    cwd: paths.bundle,
    env: { PATH: process.env.PATH, _OCI_SYNCPIPE: '3' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // stdio names pipes at 2 and 3, so both are readable streams.
  const stderr = child.stderr as Readable;
  const sync = child.stdio[3] as Readable;
  const stop = () => sync.destroy(new AmphoraError('Canceled', `creating ${paths.bundle} was given up`));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const said = await Promise.race([firstLine(sync), failed]);
    const { pid, message } = parse(said);
    if (pid > 0) return pid;
    const problem = message ?? (await tail(stderr));
    throw new AmphoraError('ProcessFailed', problem.trim().slice(-2000) || 'conmon ended without a word');
  } finally {
    signal.removeEventListener('abort', stop);
    sync.destroy();
    stderr.destroy();
    child.unref();
  }
}

async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.includes('\n') || text.length > LIMITS.processOutputBytes) break;
  }
  return text;
}

async function tail(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) text = (text + chunk.toString()).slice(-4000);
  return text;
}

/** conmon's answer: `{"pid": 123}`, or `{"pid": -1, "message": "…"}`. */
function parse(line: string): { pid: number; message?: string } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return { pid: -1 };
    const { pid, data, message } = value as Record<string, unknown>; // checked one by one below
    const number = typeof pid === 'number' ? pid : typeof data === 'number' ? data : -1;
    return typeof message === 'string' ? { pid: number, message } : { pid: number };
  } catch {
    return { pid: -1 };
  }
}
