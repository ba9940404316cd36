import { readFile, rm } from 'node:fs/promises';
import { AmphoraError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/files.ts';
import { SECOND_MS } from '../lib/limits.ts';

/** Clock ticks per second of `/proc/PID/stat`; fixed at 100 for user space on every Linux architecture we run on. */
const TICKS_PER_SECOND = 100;

/** A process of ours, told apart from a later one with the same pid by when it started. */
export interface ProcessRecord {
  readonly pid: number;
  /** Field 22 of `/proc/pid/stat`, in ticks since boot. */
  readonly startTicks: number;
}

export async function writeProcessFile(path: string, pid: number): Promise<void> {
  const startTicks = await startTicksOf(pid);
  if (startTicks === undefined)
    throw new AmphoraError('ProcessFailed', `process ${pid} ended as soon as it had started`);
  await writeFileAtomic(path, JSON.stringify({ pid, startTicks } satisfies ProcessRecord));
}

/** The process a file names, if that very process still runs. */
export async function readProcessFile(path: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as ProcessRecord; // Written by writeProcessFile, in a directory only root can write.
  return (await startTicksOf(record.pid)) === record.startTicks ? record : undefined;
}

/** Ends it with SIGTERM, after `graceMs` with SIGKILL, and waits until it is gone. */
export async function endProcess(path: string, graceMs: number): Promise<void> {
  const record = await readProcessFile(path);
  if (record !== undefined) {
    signalProcess(record.pid, 'SIGTERM');
    if (!(await waitGone(record, graceMs))) {
      signalProcess(record.pid, 'SIGKILL');
      await waitGone(record, 5 * SECOND_MS);
    }
  }
  await rm(path, { force: true });
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function waitGone(record: ProcessRecord, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while ((await startTicksOf(record.pid)) === record.startTicks) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Milliseconds since a process started. */
export async function uptimeOf(record: ProcessRecord): Promise<number> {
  const [seconds = '0'] = (await readFile('/proc/uptime', 'utf8')).split(' ');
  return Math.max(0, (Number(seconds) - record.startTicks / TICKS_PER_SECOND) * SECOND_MS);
}

/** Resident bytes; 0 for a process that has just ended. */
export async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

/** Undefined when there is no such process, or only its zombie. */
async function startTicksOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The command name, in parentheses, may hold anything: fields are counted behind the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : Number(fields[19]);
}
