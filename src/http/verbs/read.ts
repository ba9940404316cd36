import type { Exchange } from '../exchange.ts';
import type { CollectionRoute, ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { answerList, answerObject, formatOf } from './answer.ts';
import { allowVerb, contextOf, kindOf, targetOf } from './context.ts';
import { listOptionsOf } from './list-options.ts';

export async function get(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'get', route.subresource);
  formatOf(services, exchange);
  const resourceVersion = exchange.query.get('resourceVersion');
  const bytes = await services.registry.get(
    contextOf(exchange),
    targetOf(kind, route),
    resourceVersion ? { resourceVersion } : {},
  );
  await answerObject(services, exchange, { status: 200, kind, bytes });
}

export async function list(services: Services, exchange: Exchange, route: CollectionRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'list');
  formatOf(services, exchange);
  const found = await services.registry.list(
    contextOf(exchange),
    { kind, namespace: route.namespace },
    listOptionsOf(exchange.query),
  );
  await answerList(services, exchange, { kind, list: found });
}
