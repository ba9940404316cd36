import type { Filter } from './all.ts';

/** The id under which the audit line and this answer find each other. */
export const requestId: Filter = (exchange, next) => {
  exchange.reply.header('audit-id', exchange.id);
  return next();
};
