import { type FileHandle, open } from 'node:fs/promises';
import { parseLogLine } from './cri-log.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where the last `lines` lines of files that follow one another begin; without a number, at the beginning. */
export async function tailStart(
  files: readonly FileHandle[],
  lines: number | undefined,
): Promise<{ readonly index: number; readonly offset: number }> {
  if (lines === undefined) return { index: 0, offset: 0 };
  let left = lines;
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) break;
    if (left === 0) return { index, offset: (await file.stat()).size };
    const { offset, seen } = await tailOffset(file, left);
    if (seen >= left || index === 0) return { index, offset };
    left -= seen;
  }
  return { index: 0, offset: 0 };
}

/** Where in a file its last `lines` lines begin, read from the end in blocks; and how many of them it has. */
async function tailOffset(
  file: FileHandle,
  lines: number,
): Promise<{ readonly offset: number; readonly seen: number }> {
  const { size } = await file.stat();
  let seen = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      // The newline that ends the file ends a line; it does not begin one.
      if (buffer[at] !== NEWLINE || start + at === size - 1) continue;
      seen += 1;
      if (seen === lines) return { offset: start + at + 1, seen };
    }
    end = start;
  }
  return { offset: 0, seen: size === 0 ? 0 : seen + 1 };
}

/** The contents of the last lines of a log; nothing when there is no log. */
export async function readTail(path: string, lines: number): Promise<Buffer[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { offset } = await tailOffset(file, lines);
    const { size } = await file.stat();
    const length = Math.min(size - offset, BLOCK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.subarray(0, bytesRead).toString('latin1').split('\n');
    return text.flatMap((line) => parseLogLine(Buffer.from(line, 'latin1'))?.content ?? []);
  } finally {
    await file.close();
  }
}
