import { extensionOf } from '../aggregation/answer.ts';
import { refuseTooLarge } from '../body/read-body.ts';
import { isProxy } from '../proxy/all.ts';
import type { Filter } from './all.ts';

/** By the announced length; a body without one is counted while it is read. */
export const bodyLimit: Filter = (exchange, next, services) => {
  // What goes through to a node or a pod is never held here: HTTP/2's window bounds it.
  const { route } = exchange;
  const passes =
    route?.type === 'node-action' ||
    (route?.type === 'object' && isProxy(route)) ||
    extensionOf(services, route) !== undefined;
  if (!passes) refuseTooLarge(exchange);
  return next();
};
