import { refuseTooLarge } from '../body/read-body.ts';
import type { Filter } from './all.ts';

/** By the announced length; a body without one is counted while it is read. */
export const bodyLimit: Filter = (exchange, next) => {
  // What goes through to a node is never held here: HTTP/2's window bounds it.
  if (exchange.route?.type !== 'node-action') refuseTooLarge(exchange);
  return next();
};
