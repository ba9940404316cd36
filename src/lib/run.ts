import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AmphoraError } from './errors.ts';
import { LIMITS } from './limits.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until the child is killed. */
  readonly timeoutMs?: number;
  readonly stdin?: string | Uint8Array;
  /** The child's whole environment; nothing of ours is inherited but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly maxOutputBytes?: number;
}

export interface RunResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Exit status, or 128 + signal number as a shell would say. */
  readonly exitCode: number;
}

/** Runs a program, without a shell, to its end. Throws ProcessFailed on any exit status but 0. */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await tryRun(file, args, options);
  if (result.exitCode === 0) return result;
  const said = result.stderr.trim().slice(-2000) || `exit status ${result.exitCode}`;
  throw new AmphoraError('ProcessFailed', `${file} ${args[0] ?? ''} failed: ${said}`);
}

/** Like {@link run}, but an exit status other than 0 is a result and not an error. */
export async function tryRun(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const limit = options.maxOutputBytes ?? LIMITS.processOutputBytes;
  const timeout = AbortSignal.timeout(options.timeoutMs ?? LIMITS.processMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, ...options.env },
    signal,
    killSignal: 'SIGKILL',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(spawnError(file, error, timeout.aborted)));
    child.once('close', (code, killedBy) => resolve(code ?? 128 + signalNumber(killedBy)));
  });
  child.stdin.on('error', () => {}); // The child may end without reading; its exit status says what matters.
  child.stdin.end(options.stdin);
  const [stdout, stderr, exitCode] = await Promise.all([
    collect(child.stdout, limit),
    collect(child.stderr, limit),
    exit,
  ]);
  return { stdout, stderr: stderr.toString('utf8'), exitCode };
}

/** All of a stream, or its first `limit` bytes; the rest is read and thrown away so that the child can end. */
async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < limit) chunks.push(chunk.subarray(0, limit - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks);
}

function spawnError(file: string, error: NodeJS.ErrnoException, timedOut: boolean): AmphoraError {
  if (error.code === 'ENOENT')
    return new AmphoraError('HostLacks', `program ${file} is not installed`, { cause: error });
  if (timedOut)
    return new AmphoraError('Timeout', `${file} did not end in time and was killed`, { cause: error });
  return AmphoraError.during(`running ${file}`, error);
}

function signalNumber(name: NodeJS.Signals | null): number {
  return name === 'SIGKILL' ? 9 : name === 'SIGTERM' ? 15 : name === 'SIGINT' ? 2 : 1;
}
