import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { extensionOf } from '../aggregation/answer.ts';
import type { Exchange } from '../exchange.ts';
import { isProxy } from '../proxy/all.ts';
import { isWatch } from '../routes/attributes.ts';
import type { Services } from '../services.ts';
import { isStream } from '../streams/all.ts';
import type { Filter } from './all.ts';

/** Every request but watches and streams ends in time; those have bounds of their own. */
export const deadline: Filter = async (exchange, next, services) => {
  exchange.isLong = isLong(exchange) || isLongElsewhere(exchange, services);
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

/** By upstream's names, and by a change of protocols: what an extension server's subresources are, is not known here. */
function isLongElsewhere({ route, upgrade }: Exchange, services: Services): boolean {
  if (extensionOf(services, route) === undefined) return false;
  return upgrade !== undefined || (route?.type === 'object' && LONG_SUBRESOURCES.has(route.subresource));
}

const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

function isLong({ route, query, method }: Exchange): boolean {
  if (route?.type === 'tunnel' || route?.type === 'node-action') return true;
  if (route?.type === 'collection') return method === 'GET' && isWatch(query);
  return route?.type === 'object' && (isStream(route) || isProxy(route));
}
