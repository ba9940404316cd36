import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import { type AuditSink, queuedSink } from './sink.ts';

export interface FileSinkOptions {
  readonly path: string;
  readonly log: Logger;
  /** Size from which a new file is begun; `LIMITS.auditFileBytes` if left out. */
  readonly fileBytes?: number;
  /** Old files that are kept, `<path>.1` the newest; `LIMITS.auditFiles` if left out. */
  readonly files?: number;
}

/** One JSON line for each event, in files that only their owner reads. @throws when the file cannot be opened. */
export async function openFileSink(options: FileSinkOptions): Promise<AuditSink> {
  const { path, log, fileBytes = LIMITS.auditFileBytes, files = LIMITS.auditFiles } = options;
  let handle = await openFile(path);
  let size = (await handle.stat()).size;
  const write = async (lines: readonly string[]) => {
    const text = `${lines.join('\n')}\n`;
    await handle.appendFile(text);
    size += Buffer.byteLength(text);
    if (size < fileBytes) return;
    await handle.close();
    try {
      await rotate(path, files);
      size = 0;
    } finally {
      handle = await openFile(path); // A file that cannot be put aside is written on.
    }
  };
  const queue = queuedSink({ log, write, batch: LIMITS.auditBatchEvents });
  return {
    put: (event) => queue.put(event),
    close: async () => {
      await queue.close();
      await handle.close();
    },
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path, 'a', 0o600);
    await handle.chmod(0o600); // It may have been there before, open to others.
    return handle;
  } catch (error) {
    throw AmphoraError.during(`opening the audit log ${path}`, error);
  }
}

async function rotate(path: string, files: number): Promise<void> {
  await rm(`${path}.${files}`, { force: true });
  for (let number = files - 1; number >= 0; number--) {
    const from = number === 0 ? path : `${path}.${number}`;
    await rename(from, `${path}.${number + 1}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
