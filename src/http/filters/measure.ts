import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import { attributesOf } from '../routes/attributes.ts';
import type { Services } from '../services.ts';
import type { Filter } from './all.ts';

/** Counts each request that has a route, and how long it took. */
export const measure: Filter = async (exchange, next, services) => {
  const { metrics } = services;
  if (metrics === undefined) return next();
  const leave = metrics.requests.enter(factsOf(exchange, services));
  let code = 0;
  try {
    await next();
    code = exchange.reply.status || 101; // Nothing was answered where the protocol was changed.
  } catch (error) {
    code = AmphoraError.from(error).status;
    throw error;
  } finally {
    leave({ code, seconds: (performance.now() - exchange.startedAt) / 1000 });
  }
};

function factsOf(exchange: Exchange, { registry }: Services) {
  const { route, method, query, isLong } = exchange;
  const isKnown =
    (route?.type === 'object' || route?.type === 'collection') &&
    registry.kinds.find(route.group, route.version, route.resource) !== undefined;
  const facts = { method, isLong, dryRun: query.has('dryRun') };
  if (!isKnown) return facts;
  const attributes = attributesOf(exchange, route);
  return attributes.kind === 'resource' ? { ...facts, attributes } : facts;
}
