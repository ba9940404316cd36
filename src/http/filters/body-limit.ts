import { refuseTooLarge } from '../body/read-body.ts';
import type { Filter } from './all.ts';

/** By the announced length; a body without one is counted while it is read. */
export const bodyLimit: Filter = (exchange, next) => {
  refuseTooLarge(exchange);
  return next();
};
