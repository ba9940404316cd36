import { once } from 'node:events';
import { watch } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { LineSplitter, type LogLine, parseLogLine } from './cri-log.ts';
import { openLogFiles, successorsOf } from './log-files.ts';
import { tailStart } from './log-tail.ts';

const READ_BYTES = 64 * 1024;

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly limitBytes?: number;
}

/**
 * Copies a CRI log to a stream, byte for byte. Following ends when `ended` says that the container wrote its
 * last line, or when the signal aborts.
 */
export async function copyLog(
  path: string,
  options: LogOptions,
  to: { readonly output: Writable; readonly ended: () => Promise<boolean>; readonly signal: AbortSignal },
): Promise<void> {
  const { signal, output } = to;
  const files = await openLog(path, { ...options, ...to });
  const changes = options.follow && files.length > 0 ? new Changes(path, signal) : undefined;
  const sink = new LogSink(output, options);
  const lines = new LineSplitter();
  try {
    const start = await tailStart(files, options.tailLines);
    let offset = start.offset;
    for (let index = start.index; index < files.length && !signal.aborted && !sink.full; ) {
      const file = files[index];
      if (file === undefined) break;
      const newest = index === files.length - 1;
      // Asked before reading: what is written before the end, or before the next file, is then surely read.
      const last = !options.follow || (await to.ended());
      const next = newest && options.follow ? await successorsOf(file, path) : [];
      offset = await drain(file, { offset, lines, sink, signal });
      files.push(...next);
      if (!newest || next.length > 0) {
        index += 1;
        offset = 0;
      } else if (last) break;
      else await changes?.next();
    }
  } finally {
    for (const file of files) await file.close();
  }
}

/** A container that has only just begun may have no log yet. */
async function openLog(
  path: string,
  options: { readonly follow: boolean; readonly ended: () => Promise<boolean>; readonly signal: AbortSignal },
): Promise<FileHandle[]> {
  for (;;) {
    const files = await openLogFiles(path);
    if (files.length > 0 || !options.follow || options.signal.aborted || (await options.ended()))
      return files;
    const parent = await stat(dirname(path)).catch(() => undefined);
    if (parent === undefined) return [];
    await new Changes(path, options.signal).next();
  }
}

async function drain(
  file: FileHandle,
  state: {
    readonly offset: number;
    readonly lines: LineSplitter;
    readonly sink: LogSink;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  let { offset } = state;
  const buffer = Buffer.alloc(READ_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, offset);
    if (bytesRead === 0) return offset;
    offset += bytesRead;
    for (const line of state.lines.push(Buffer.from(buffer.subarray(0, bytesRead)))) {
      const parsed = parseLogLine(line);
      if (parsed !== undefined) await state.sink.write(parsed, state.signal);
      if (state.sink.full) return offset;
    }
  }
}

/** Chooses, bounds and writes lines. */
class LogSink {
  readonly #output: Writable;
  readonly #options: LogOptions;
  #left: number;
  #midLine = false;

  constructor(output: Writable, options: LogOptions) {
    this.#output = output;
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  get full(): boolean {
    return this.#left <= 0 || this.#output.destroyed;
  }

  async write(line: LogLine, signal: AbortSignal): Promise<void> {
    const { since, timestamps } = this.#options;
    if (since !== undefined && Date.parse(line.time.toString('latin1')) < since) return;
    const stamp = timestamps && !this.#midLine ? [line.time, Buffer.from(' ')] : [];
    this.#midLine = line.content.at(-1) !== 0x0a;
    const bytes = Buffer.concat([...stamp, line.content]).subarray(0, this.#left);
    this.#left -= bytes.length;
    if (!this.#output.write(bytes)) await once(this.#output, 'drain', { signal });
  }
}

/** Waits for a file to change; a change between two waits is not missed. Looks by itself now and then. */
class Changes {
  readonly #signal: AbortSignal;
  #changed = Promise.withResolvers<void>();

  constructor(path: string, signal: AbortSignal) {
    this.#signal = signal;
    try {
      const watcher = watch(dirname(path), { signal }, () => this.#changed.resolve());
      watcher.on('error', () => this.#changed.resolve());
    } catch {
      // Without inotify (its limit was reached, say) the looking below is enough.
    }
  }

  async next(): Promise<void> {
    const timer = setTimeout(() => this.#changed.resolve(), 1000);
    const abort = () => this.#changed.resolve();
    this.#signal.addEventListener('abort', abort, { once: true });
    await this.#changed.promise;
    clearTimeout(timer);
    this.#signal.removeEventListener('abort', abort);
    this.#changed = Promise.withResolvers<void>();
  }
}

/** @throws BadRequest in kubelet's words when the container has no log of that sort */
export function chooseAttempt(
  attempt: number | undefined,
  wanted: { readonly previous: boolean; readonly container: string; readonly pod: string },
): number {
  if (attempt === undefined) {
    throw new AmphoraError(
      'BadRequest',
      `container ${JSON.stringify(wanted.container)} in pod ${JSON.stringify(wanted.pod)} is waiting to start`,
    );
  }
  if (!wanted.previous) return attempt;
  if (attempt > 0) return attempt - 1;
  throw new AmphoraError(
    'BadRequest',
    `previous terminated container ${JSON.stringify(wanted.container)} in pod ${JSON.stringify(wanted.pod)} not found`,
  );
}
