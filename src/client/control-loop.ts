import { AmphoraError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ControlLoopOptions {
  readonly queue: WorkQueue;
  /** Brings the world of one key in order. It is told no event: it reads what there is. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled | undefined>;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface Reconciled {
  /** Look at the key again after so many milliseconds although nothing happened. */
  readonly againAfterMs: number;
}

/** Works the queue until the signal aborts; a key that fails comes back with a back-off. Closes the queue. */
export async function runControlLoop(options: ControlLoopOptions): Promise<void> {
  const { queue, signal } = options;
  const stop = () => queue.close();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: options.workers }, () => work(options)));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function work(options: ControlLoopOptions): Promise<void> {
  const { queue } = options;
  for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
    try {
      const result = await options.reconcile(key, options.signal);
      queue.forget(key);
      if (result !== undefined) queue.addAfter(key, result.againAfterMs);
    } catch (error) {
      failed(options, key, AmphoraError.from(error));
    } finally {
      queue.done(key);
    }
  }
}

function failed({ queue, signal, log }: ControlLoopOptions, key: string, error: AmphoraError): void {
  if (signal.aborted) return;
  // A conflict is the normal way to learn that something changed.
  if (error.fate === 'conflict') log.debug({ key, reason: error.message }, 'read again after a conflict');
  else log.warn({ key, err: error }, 'reconciling failed');
  queue.retry(key);
}
