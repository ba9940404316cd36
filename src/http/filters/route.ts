import { parseRoute } from '../routes/route.ts';
import type { Filter } from './all.ts';

export const route: Filter = (exchange, next) => {
  exchange.route = parseRoute(exchange.path);
  return next();
};
