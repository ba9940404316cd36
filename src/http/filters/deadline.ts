import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import { isProxy } from '../proxy/all.ts';
import { isWatch } from '../routes/attributes.ts';
import { isStream } from '../streams/all.ts';
import type { Filter } from './all.ts';

/** Every request but watches and streams ends in time; those have bounds of their own. */
export const deadline: Filter = async (exchange, next) => {
  exchange.isLong = isLong(exchange);
  if (exchange.isLong) return next();
  const timer = setTimeout(
    () => exchange.abort(new AmphoraError('Timeout', 'the request did not end in time: try again')),
    LIMITS.requestMs,
  );
  try {
    await next();
  } finally {
    clearTimeout(timer);
  }
};

function isLong({ route, query, method }: Exchange): boolean {
  if (route?.type === 'tunnel' || route?.type === 'node-action') return true;
  if (route?.type === 'collection') return method === 'GET' && isWatch(query);
  return route?.type === 'object' && (isStream(route) || isProxy(route));
}
