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
    timeoutOf(exchange.query) ?? LIMITS.requestMs,
  );
  try {
    await next();
  } finally {
    clearTimeout(timer);
  }
};

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};

/** What the client is ready to wait, as Go writes it (`32s`, `1m30s`), but never more than our own. @throws BadRequest */
export function timeoutOf(query: URLSearchParams): number | undefined {
  const text = query.get('timeout');
  if (text === null || text === '') return undefined;
  if (text.length > 64 || !/^(0|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)$/.test(text))
    throw new AmphoraError('BadRequest', 'invalid timeout specified in the request URL');
  let ms = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g))
    ms += Number(amount) * (UNITS[unit] ?? 0);
  return ms === 0 ? undefined : Math.min(ms, LIMITS.requestMs);
}

/** By upstream's names, and by a change of protocols: what an extension server's subresources are, is not known here. */
function isLongElsewhere({ route, upgrade }: Exchange, services: Services): boolean {
  if (extensionOf(services, route) === undefined) return false;
  return upgrade !== undefined || (route?.type === 'object' && LONG_SUBRESOURCES.has(route.subresource));
}

const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

function isLong(exchange: Exchange): boolean {
  const { route, method } = exchange;
  if (route?.type === 'tunnel' || route?.type === 'node-action') return true;
  if (route?.type === 'collection') return method === 'GET' && isWatch(exchange, route);
  return route?.type === 'object' && (isStream(route) || isProxy(route));
}
