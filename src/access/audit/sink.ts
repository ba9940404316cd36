import { LIMITS } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';

/** Takes events, and never holds up who has them. */
export interface AuditSink {
  /** @param event audit.k8s.io/v1 Event */
  put(event: object): void;
  /** Resolves when what was taken is written, or was given up. */
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly log: Logger;
  /** Writes all of the lines, in order. */
  readonly write: (lines: readonly string[]) => Promise<void>;
  /** Most events written at once. */
  readonly batch: number;
}

/**
 * Events wait in a queue of {@link LIMITS.auditQueueEvents} and are written in batches, one at a time. Where they come
 * faster than they can be written, or cannot be, the newest are dropped and counted: requests go on.
 */
export function queuedSink({ log, write, batch }: QueueOptions): AuditSink {
  const queue: string[] = [];
  let dropped = 0;
  let writing: Promise<void> | undefined;
  const drain = async () => {
    while (queue.length > 0) {
      const lines = queue.splice(0, batch);
      try {
        await write(lines);
      } catch (error) {
        log.error({ error, events: lines.length }, 'audit events were lost');
      }
      if (dropped > 0) log.error({ events: dropped }, 'audit events were dropped: they came too fast');
      dropped = 0;
    }
    writing = undefined;
  };
  return {
    put: (event) => {
      if (queue.length >= LIMITS.auditQueueEvents) {
        dropped += 1;
        return;
      }
      queue.push(JSON.stringify(event));
      writing ??= Promise.resolve().then(drain);
    },
    close: async () => {
      await writing;
    },
  };
}
