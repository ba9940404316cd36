import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

export type LogStream = 'stdout' | 'stderr';

/** Most content of one line of the file; a longer line is cut into partial ones. */
const MAX_LINE = 16 * 1024;

/**
 * A log file in the CRI format. The file is its own record of how much of each stream it holds: a full line
 * stands for its bytes and a newline, a partial one for its bytes. Opening it cuts off a torn last line.
 */
export class LogWriter {
  readonly #file: FileHandle;
  readonly #offsets: Record<LogStream, number>;
  #queue: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, offsets: Record<LogStream, number>) {
    this.#file = file;
    this.#offsets = offsets;
  }

  static async open(path: string): Promise<LogWriter> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, 'a+', 0o640);
    try {
      const { offsets, complete } = await measure(file);
      await file.truncate(complete);
      return new LogWriter(file, offsets);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes of the stream that the file holds. */
  offset(stream: LogStream): number {
    return this.#offsets[stream];
  }

  /** Resolves when the bytes are in the file. */
  write(stream: LogStream, data: Buffer, now: Date): Promise<void> {
    const text = format(stream, data, now);
    this.#queue = this.#queue.then(async () => {
      await this.#file.appendFile(text);
      this.#offsets[stream] += data.length;
    });
    return this.#queue;
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => {});
    await this.#file.close();
  }
}

function format(stream: LogStream, data: Buffer, now: Date): Buffer {
  const time = `${now.toISOString().slice(0, -1)}000000Z ${stream}`;
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const newline = data.indexOf(0x0a, at);
    const end = Math.min(newline < 0 ? data.length : newline, at + MAX_LINE);
    parts.push(
      Buffer.from(`${time} ${end === newline ? 'F' : 'P'} `),
      data.subarray(at, end),
      Buffer.from('\n'),
    );
    at = end === newline ? end + 1 : end;
  }
  return Buffer.concat(parts);
}

const LINE_HEAD = /^\S+ (stdout|stderr) ([FP]) /;
const READ_BYTES = 1024 * 1024;

async function measure(file: FileHandle): Promise<{ offsets: Record<LogStream, number>; complete: number }> {
  const offsets = { stdout: 0, stderr: 0 };
  let complete = 0;
  let rest = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return { offsets, complete };
    position += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const head = LINE_HEAD.exec(rest.toString('latin1', 0, Math.min(end, 64)));
      const stream = head?.[1] === 'stderr' ? 'stderr' : 'stdout';
      if (head !== null) offsets[stream] += end - head[0].length + (head[2] === 'F' ? 1 : 0);
      complete += end + 1;
      rest = rest.subarray(end + 1);
    }
  }
}
