import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';

/** Tries again, with growing pauses, what failed for a reason that passes. `progressed` starts the count anew. */
export async function retrying<T>(
  work: (progressed: () => void) => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  let failures = 0;
  const progressed = () => {
    failures = 0;
  };
  for (;;) {
    try {
      return await work(progressed);
    } catch (error) {
      signal.throwIfAborted();
      const known = AmphoraError.from(error);
      failures++;
      if (known.fate !== 'transient' || known.code === 'OutOfSpace' || failures >= LIMITS.imagePullTries)
        throw known;
      const pause = LIMITS.imagePullBackoffMs * 2 ** (failures - 1);
      const asked = (known.retryAfterSeconds ?? 0) * SECOND_MS;
      await clock.sleep(Math.min(Math.max(pause, asked), LIMITS.imagePullBackoffMaxMs), signal);
    }
  }
}
