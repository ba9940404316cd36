import { nodeOf } from '../../access/authz/node.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { answerExtension, extensionOf } from '../aggregation/answer.ts';
import type { Exchange } from '../exchange.ts';
import { answerProxy, isProxy } from '../proxy/all.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, noSuchResource } from '../status.ts';
import { type StreamHandler, streamHandler } from '../streams/all.ts';
import { acceptTunnel } from '../tunnel/accept-tunnel.ts';
import { askNode } from '../tunnel/node-action.ts';
import { admitConnection } from '../verbs/connect.ts';
import { allowVerb, kindOf } from '../verbs/context.ts';
import { get, list } from '../verbs/read.ts';
import { answerWatch, type EventCache } from '../verbs/watch.ts';
import { create, createSub, patch, remove, removeAll, update } from '../verbs/write.ts';
import { isWatch } from './attributes.ts';
import { answerDocument } from './documents.ts';
import { answerHealth } from './health.ts';
import type { CollectionRoute, ObjectRoute, Route } from './route.ts';
import { createToken } from './token.ts';

export type Handler = (exchange: Exchange, route: Route) => Promise<void>;

/** From a parsed route to whoever answers it: the one match over the union. */
export function createHandler(services: Services): Handler {
  const cache: EventCache = new WeakMap();
  return async (exchange, route) => {
    const extension = extensionOf(services, route);
    if (extension !== undefined) return answerExtension(exchange, extension);
    switch (route.type) {
      case 'health':
        return answerHealth(services, exchange, route);
      case 'tunnel':
        if (nodeOf(exchange.user) !== route.node)
          throw new AmphoraError(
            'Forbidden',
            `only node ${JSON.stringify(route.node)} itself may open its tunnel`,
          );
        return acceptTunnel(services, exchange, route.node);
      case 'node-action':
        return await askNode(services, exchange, route);
      case 'collection':
        return onCollection(services, exchange, { route, cache });
      case 'object':
        return onObject(services, exchange, route);
      default:
        return answerDocument(services, exchange, route);
    }
  };
}

function onCollection(
  services: Services,
  exchange: Exchange,
  { route, cache }: { route: CollectionRoute; cache: EventCache },
): Promise<void> {
  switch (exchange.method) {
    case 'GET':
    case 'HEAD': {
      if (!isWatch(exchange, route)) return list(services, exchange, route);
      const kind = kindOf(services, route);
      allowVerb(kind, 'watch');
      const { namespace, watch: { name = '' } = {} } = route;
      return answerWatch(services, exchange, { target: { kind, namespace }, name, cache });
    }
    case 'POST':
      return create(services, exchange, route);
    case 'DELETE':
      return removeAll(services, exchange, route);
    default:
      throw methodNotAllowed();
  }
}

async function onConnection(
  services: Services,
  exchange: Exchange,
  { route, handler }: { route: ObjectRoute; handler: StreamHandler },
): Promise<void> {
  if (route.subresource !== 'log') await admitConnection(services, exchange, route);
  return await handler(services, exchange, route);
}

function onObject(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const stream = streamHandler(route);
  if (stream !== undefined || isProxy(route))
    return onConnection(services, exchange, { route, handler: stream ?? answerProxy });
  if (route.after !== undefined) throw noSuchResource();
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return get(services, exchange, route);
    case 'PUT':
      return update(services, exchange, route);
    case 'PATCH':
      return patch(services, exchange, route);
    case 'DELETE':
      return remove(services, exchange, route);
    case 'POST':
      if (route.subresource === '') throw methodNotAllowed();
      if (route.group === '' && route.resource === 'serviceaccounts' && route.subresource === 'token')
        return createToken(services, exchange, route);
      return createSub(services, exchange, route);
    default:
      throw noSuchResource();
  }
}
