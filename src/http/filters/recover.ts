import { AmphoraError, isCode } from '../../lib/errors.ts';
import { toStatus } from '../status.ts';
import type { Filter } from './all.ts';

/** Turns whatever was thrown into a `Status`; an answer that had begun is cut off, so that it is not taken for whole. */
export const recover: Filter = async (exchange, next, services) => {
  const { reply } = exchange;
  try {
    await next();
  } catch (error) {
    const known = AmphoraError.from(error);
    if (known.code === 'Internal' || known.code === 'Corrupt')
      services.log.error({ id: exchange.id, path: exchange.path, error: known }, 'request failed');
    if (reply.status !== 0 || isCode(error, 'Canceled')) {
      reply.destroy();
      return;
    }
    if (known.retryAfterSeconds !== undefined) reply.header('retry-after', String(known.retryAfterSeconds));
    // What the client still sends is not read: the connection cannot serve another request.
    if (exchange.request.httpVersionMajor === 1 && !exchange.request.complete)
      reply.header('connection', 'close');
    const status = toStatus(known);
    exchange.failure = { status: 'Failure', reason: known.reason, message: status.message ?? '' };
    await reply.json(status.code, status).catch(() => reply.destroy());
  }
};
