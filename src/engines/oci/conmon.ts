import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { makePipe } from '../../lib/syscalls/pipe.ts';
import type { AttemptPaths } from './paths.ts';

/** In the bundle: what conmon says of itself. */
const ERRORS = 'conmon.log';

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
  const { child, sync } = await spawnConmon(options.conmon, args, paths.bundle);
  const stop = () => sync.destroy(new AmphoraError('Canceled', `creating ${paths.bundle} was given up`));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const failed = new Promise<never>((_, reject) => child.once('error', reject));
    const said = await Promise.race([firstLine(sync), failed]);
    const { pid, message } = parse(said);
    if (pid > 0) return pid;
    const problem = message ?? (await readFile(join(paths.bundle, ERRORS), 'utf8'));
    throw new AmphoraError('ProcessFailed', problem.trim().slice(-2000) || 'conmon ended without a word');
  } finally {
    signal.removeEventListener('abort', stop);
    sync.destroy();
    child.unref();
  }
}

/**
 * conmon gives up when it can't write its answer, and the container is then without a monitor. So nothing that it
 * writes to breaks when we are killed: its errors go to a file, and it holds the reading end of its answer, too.
 */
async function spawnConmon(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ child: ChildProcess; sync: Readable }> {
  const errors = await open(join(cwd, ERRORS), 'w', 0o600);
  const { read, write } = makePipe();
  try {
    const child = spawn(program, args, {
      cwd,
      env: { PATH: process.env.PATH, _OCI_SYNCPIPE: '3' },
      stdio: ['ignore', 'ignore', errors.fd, write, read],
      detached: true,
    });
    return { child, sync: new Socket({ fd: read, readable: true, writable: false }) };
  } catch (error) {
    closeSync(read);
    throw error;
  } finally {
    closeSync(write);
    await errors.close();
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
