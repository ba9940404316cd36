import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import { attributesOf } from '../routes/attributes.ts';
import type { Filter } from './all.ts';

/**
 * Has a request wait for its turn where its level is full. Streams are not counted, as upstream has it: they hold
 * nothing that others wait for; a watch is, until its first answer.
 */
export const fairness: Filter = async (exchange, next, services) => {
  const { route, reply } = exchange;
  if (services.fairness === undefined || route === undefined) return next();
  const isWatching = route.type === 'collection' && exchange.isLong;
  if (exchange.isLong && !isWatching) return next();
  const flow = services.fairness.classify(exchange.user, attributesOf(exchange, route));
  if (flow.schemaUid !== '') {
    reply.header('x-kubernetes-pf-flowschema-uid', flow.schemaUid);
    reply.header('x-kubernetes-pf-prioritylevel-uid', flow.levelUid);
  }
  if (flow.isExempt) return next();
  const entered = flow.enter(widthOf(exchange), exchange.signal);
  const release = entered instanceof Promise ? await entered : entered;
  if (isWatching) reply.onBegin(release);
  try {
    await next();
  } finally {
    release();
  }
};

/** A page of many objects takes as many seats as it has hundreds, as upstream reckons. */
function widthOf({ route, method, query, isLong }: Exchange): number {
  if (route?.type !== 'collection' || method !== 'GET' || isLong) return 1;
  const limit = Number(query.get('limit') ?? 0);
  return limit > 100 ? Math.min(Math.ceil(limit / 100), LIMITS.fairnessWidth) : 1;
}
