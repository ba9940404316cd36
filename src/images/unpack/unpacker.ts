import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { programFile } from '../../lib/program-files.ts';
import type { TreeReport } from './tree-writer.ts';
import type { ChildOptions, ChildReport } from './unpack-child.ts';

export interface UnpackerConfig {
  /** The user the child becomes; it should own nothing else on the machine. */
  readonly uid: number;
  readonly gid: number;
  /** Program and arguments that start `unpack-child`; the runtime and the source file beside this one by default. */
  readonly command?: readonly [string, ...string[]];
}

export interface UnpackOptions {
  /** An empty directory of ours; the child sees it as `/`. */
  readonly directory: string;
  /** An archive rather than a layer: no owners, no whiteouts. */
  readonly isPlain: boolean;
  readonly maxBytes: number;
}

/** Rights that getting into the chroot and out of root takes; the child gives them up before it reads a byte. */
const BOUNDING = 'chown,dac_override,fowner,fsetid,setfcap,sys_chroot,setuid,setgid';
const CHILD_MEMORY_MIB = 256;

/**
 * Unpacks an uncompressed tar into a directory, in a child that can reach nothing else: no network, no other file, no
 * right but to own and set modes (docs/designs/privileges.md).
 * @throws Corrupt, TooLarge, NotImplemented (sparse and unknown entries), OutOfSpace; HostLacks without root.
 */
export async function unpackTar(
  source: Readable,
  options: UnpackOptions & { readonly config: UnpackerConfig },
  signal: AbortSignal,
): Promise<TreeReport> {
  if (process.getuid?.() !== 0) {
    source.destroy();
    throw new AmphoraError(
      'HostLacks',
      'unpacking an image needs root, to give files their owners: run the node as root',
    );
  }
  const child = spawnChild(options, signal);
  // `await using` would wait too late: the streams below need the child's end to end themselves.
  const said = Promise.all([collect(child.stdout), collect(child.stderr), ended(child)]);
  const fed =
    child.stdin === null ? Promise.resolve() : pipeline(source, child.stdin).then(() => undefined, asError);
  const [[line, stderr, exit], failed] = await Promise.all([said, fed]);
  signal.throwIfAborted();
  // What is wrong with the source comes first: a child that misses its end only sees the consequence.
  if (isCode(failed, 'TooLarge', 'Corrupt')) throw failed;
  const report = parseReport(line, stderr || exit);
  if (!report.ok) throw new AmphoraError(faultCode(report.fault), report.message);
  if (failed !== undefined) throw new AmphoraError('Corrupt', `cannot be decompressed: ${messageOf(failed)}`);
  return report.report;
}

function spawnChild(options: UnpackOptions & { config: UnpackerConfig }, signal: AbortSignal): ChildProcess {
  const { config, directory, isPlain, maxBytes } = options;
  const told: ChildOptions = {
    root: directory,
    uid: config.uid,
    gid: config.gid,
    isPlain,
    maxEntries: LIMITS.imageLayerEntries,
    maxBytes,
    cpuSeconds: LIMITS.imageUnpackCpuSeconds,
  };
  const entry = programFile('images/unpack/unpack-child');
  const flags = [`--max-old-space-size=${CHILD_MEMORY_MIB}`, '--disable-sigusr1', '--v8-pool-size=1'];
  const command = config.command ?? [process.execPath, ...flags, entry];
  const confine = ['--no-new-privs', `--bounding-set=-all,+${BOUNDING.replaceAll(',', ',+')}`];
  const args = ['--net', '--ipc', '--', 'setpriv', ...confine, '--', ...command, JSON.stringify(told)];
  return spawn('unshare', args, {
    cwd: '/',
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
}

/** How the child ended, in words; an exit status says nothing that its report does not. */
function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killedBy) => resolve(`it ended with ${killedBy ?? `status ${code}`}`));
  });
}

async function collect(stream: Readable | null): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (stream === null) return '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= LIMITS.imageUnpackReportBytes) chunks.push(chunk);
    }
  } catch {
    // The child was killed; how it ended is told by `ended`.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseReport(line: string, otherwise: string): ChildReport {
  try {
    // Shape checked below as far as it is used: the child may have been taken over by what it read.
    const report = JSON.parse(line) as ChildReport;
    if (report.ok === false && typeof report.message === 'string') return report;
    if (report.ok === true && areStrings(report.report.opaque) && areStrings(report.report.implied))
      return report;
  } catch {
    // Said below.
  }
  throw new AmphoraError('ProcessFailed', `the unpacking process failed: ${otherwise.trim().slice(-1000)}`);
}

function areStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function faultCode(fault: string): 'Corrupt' | 'TooLarge' | 'NotImplemented' | 'OutOfSpace' | 'Internal' {
  switch (fault) {
    case 'Corrupt':
    case 'TooLarge':
    case 'NotImplemented':
    case 'OutOfSpace':
      return fault;
    default:
      return 'Internal';
  }
}

function asError(error: unknown): unknown {
  // The child stopped reading: its own report says why.
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined; // Node puts `code` there.
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
    ? undefined
    : error;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
