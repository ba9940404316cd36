import { type FileHandle, open } from 'node:fs/promises';
import { parseLogLine } from './cri-log.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where in a file its last `lines` lines begin, read from the end in blocks. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  let seen = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The newline that ends the file ends a line; it does not begin one.
      if (buffer[at] !== NEWLINE || start + at === size - 1) continue;
      seen += 1;
      if (seen === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** The contents of the last lines of a log; nothing when there is no log. */
export async function readTail(path: string, lines: number): Promise<Buffer[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return [];
  try {
    const offset = await tailOffset(file, lines);
    const { size } = await file.stat();
    const length = Math.min(size - offset, BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.subarray(0, bytesRead).toString('latin1').split('\n');
    return text.flatMap((line) => parseLogLine(Buffer.from(line, 'latin1'))?.content ?? []);
  } finally {
    await file.close();
  }
}
