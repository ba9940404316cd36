import type { Filter } from './all.ts';

/** One line for each request, when it has ended. The query is left out: it can carry what a person typed. */
export const audit: Filter = async (exchange, next, services) => {
  try {
    await next();
  } finally {
    const { id, method, path, user, reply, startedAt } = exchange;
    const ms = Math.round((performance.now() - startedAt) * 10) / 10;
    services.log.info(
      { id, method, path: path.slice(0, 512), user: user.name, status: reply.status, bytes: reply.bytes, ms },
      'request',
    );
  }
};
