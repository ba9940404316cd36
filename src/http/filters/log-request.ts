import type { Filter } from './all.ts';

/** A second is long for a request that is no watch. */
const SLOW_MS = 1000;

/**
 * One line for a request that was slow or failed by our fault, and with AMPHORA_LOG=debug for each, when it has ended.
 * The query is left out: it can carry what a person typed.
 */
export const logRequest: Filter = async (exchange, next, services) => {
  try {
    await next();
  } finally {
    const { id, method, path, user, reply, startedAt, isLong } = exchange;
    const { status, bytes } = reply;
    const took = performance.now() - startedAt;
    const level = status >= 500 || (took > SLOW_MS && !isLong) ? 'info' : 'debug';
    if (services.log.isLevelEnabled(level)) {
      const ms = Math.round(took * 10) / 10;
      services.log[level](
        { id, method, path: path.slice(0, 512), user: user.name, status, bytes, ms },
        'request',
      );
    }
  }
};
