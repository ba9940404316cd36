import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import { requestHeaders } from '../proxy/headers.ts';
import { relay } from '../proxy/relay.ts';
import type { Route } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { identityHeaders } from './ask.ts';
import type { Extension } from './extension.ts';

/** The extension server whose a request is; undefined for one of ours. */
export function extensionOf({ extensions }: Services, route: Route | undefined): Extension | undefined {
  if (extensions === undefined || route === undefined || !('group' in route) || !('version' in route))
    return undefined;
  return extensions.find(route.group, route.version);
}

/** Passes a request on to its extension server, with who it is from. @throws Unavailable at once when it is known not to answer */
export async function answerExtension(exchange: Exchange, extension: Extension): Promise<void> {
  if (!extension.isAvailable) throw unavailable();
  const connection = await extension.connection().catch((error: unknown) => {
    throw unavailable(error);
  });
  await relay(exchange, {
    isSecure: true,
    connection,
    path: exchange.request.url ?? '/',
    headers: { ...requestHeaders(exchange), ...identityHeaders(exchange.user), host: extension.host },
  });
}

function unavailable(cause?: unknown): AmphoraError {
  return new AmphoraError('Unavailable', 'the server is currently unable to handle the request', {
    ...(cause === undefined ? {} : { cause }),
  });
}
