import type { Clock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { encodeNumber } from '../layout.ts';
import type { EtcdConnection } from './connection.ts';
import type { EtcdSpace } from './space.ts';

export interface CompactorParts {
  readonly connection: EtcdConnection;
  readonly space: EtcdSpace;
  readonly clock: Clock;
  /** Milliseconds between two compactions, and of history that each leaves. */
  readonly everyMs: number;
}

/**
 * Forgets etcd's old revisions, every interval those from before the one before. All servers try; a key that counts the
 * rounds lets one of them do each, as upstream's `compact_rev_key` does. Its write also tells every feed how far it is.
 */
export async function runCompactor(parts: CompactorParts, signal: AbortSignal): Promise<void> {
  const { clock, everyMs } = parts;
  let round: Round = { version: 0, revision: 0 };
  while (!signal.aborted) {
    try {
      await clock.sleep(everyMs, signal);
      round = await compactOnce(parts, round, signal);
    } catch {
      // Etcd is away, or we are closing: the next round does what this one did not.
    }
  }
}

/** What a server knows since the round before: how often the key was written, and etcd's revision then. */
export interface Round {
  readonly version: number;
  /** 0: not known yet. */
  readonly revision: number;
}

/** @returns what the next round needs */
export async function compactOnce(parts: CompactorParts, last: Round, signal: AbortSignal): Promise<Round> {
  const { connection, space } = parts;
  const key = space.metaKey('compactor');
  const { succeeded, revision, responses } = await connection.txn(
    {
      compare: [{ key, target: 'version', value: last.version }],
      success: [{ put: key, value: encodeNumber(last.revision) }],
      failure: [{ range: { key } }],
    },
    signal,
  );
  // Another server's round: its compaction counts from the same moment as ours would have.
  if (!succeeded) return { version: responses[0]?.[0]?.version ?? 0, revision };
  if (last.revision > 0) {
    await connection.compact(last.revision, signal).catch((error: unknown) => {
      if (!isCode(error, 'Expired')) throw error; // Somebody else's compaction went further.
    });
  }
  return { version: last.version + 1, revision };
}
