import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Container } from '../../api/types.generated.ts';
import { LIMITS } from '../../lib/limits.ts';
import { readTail } from '../streams/log-tail.ts';

/** What a container left to say: its termination file, or, where asked for, the end of its log. */
export async function terminationMessage(
  container: Container,
  facts: { readonly exitCode: number; readonly file: string; readonly log: string },
): Promise<string> {
  const left = await readBounded(facts.file, LIMITS.terminationMessageBytes);
  if (left !== '' || container.terminationMessagePolicy !== 'FallbackToLogsOnError' || facts.exitCode === 0)
    return left;
  const lines = await readTail(facts.log, 80);
  return Buffer.concat(lines).subarray(-LIMITS.terminationLogBytes).toString('utf8');
}

/** The workload could put a link or a pipe there: neither is followed or waited for. */
async function readBounded(path: string, limit: number): Promise<string> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(limit), 0, limit, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } catch {
    return '';
  } finally {
    await file.close();
  }
}
