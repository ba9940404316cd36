import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { Filter } from './all.ts';

/** Why credentials were refused is for the log: the caller is told what upstream says. */
export const authenticate: Filter = async (exchange, next, services) => {
  try {
    exchange.user = await services.authenticator.authenticate(exchange.credentials, exchange.signal);
  } catch (error) {
    if (!isCode(error, 'Unauthorized')) throw error;
    services.log.info({ id: exchange.id, error: error.message }, 'credentials refused');
    exchange.reply.header('www-authenticate', 'Bearer realm="kubernetes-master"');
    throw new AmphoraError('Unauthorized', 'Unauthorized', { cause: error });
  }
  await next();
};
