import type { Clock } from './clock.ts';

/** Time that moves when its owner says so. */
export interface ManualClock extends Clock {
  /** Lets so many milliseconds pass; who slept until then wakes. */
  step(ms: number): void;
}

/** @param start milliseconds since the epoch; now where left out */
export function createManualClock(start: number = Date.now()): ManualClock {
  let now = start;
  const sleeping = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const abort = () => {
          sleeping.delete(sleeper);
          reject(signal?.reason);
        };
        const wake = () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const sleeper = { until: now + ms, wake };
        sleeping.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    step: (ms) => {
      now += ms;
      for (const sleeper of [...sleeping].sort((a, b) => a.until - b.until)) {
        if (sleeper.until > now) break;
        sleeping.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
