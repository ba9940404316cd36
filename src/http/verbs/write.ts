import { forbidden } from '../../access/authz/forbidden.ts';
import type { RequestContext } from '../../registry/registry.ts';
import { decodeBody } from '../body/decode.ts';
import { objectBody } from '../body/object-body.ts';
import { patchBody, patchTypeOf } from '../body/patch-body.ts';
import type { Exchange } from '../exchange.ts';
import { attributesOf } from '../routes/attributes.ts';
import type { CollectionRoute, ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { successStatus } from '../status.ts';
import { answerList, answerObject, answerValue, formatOf } from './answer.ts';
import { allowVerb, contextOf, kindOf, targetOf } from './context.ts';
import { deleteOptionsOf, listOptionsOf } from './list-options.ts';
import { writeContextOf } from './write-options.ts';

export async function create(services: Services, exchange: Exchange, route: CollectionRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'create');
  formatOf(services, exchange); // Refused before anything is written.
  const { namespace } = route;
  const context = writeContextOf(exchange, 'CreateOptions');
  const object = objectBody(await decodeBody(exchange, services.protobuf), { kind, namespace });
  const bytes = await services.registry.create(context, { kind, namespace }, object);
  await answerObject(services, exchange, { status: 201, kind, bytes });
}

/** `pods/x/binding`, `pods/x/eviction`: an object made at a name. */
export async function createSub(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'create', route.subresource);
  formatOf(services, exchange);
  const target = targetOf(kind, route);
  const context = writeContextOf(exchange, 'CreateOptions');
  const object = objectBody(await decodeBody(exchange, services.protobuf), target);
  const bytes = await services.registry.create(context, target, object);
  await answerObject(services, exchange, { status: 201, kind, bytes });
}

export async function update(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'update', route.subresource);
  formatOf(services, exchange);
  const target = targetOf(kind, route);
  const context = writeContextOf(exchange, 'UpdateOptions');
  const object = objectBody(await decodeBody(exchange, services.protobuf), target);
  const asking = { ...context, mayCreate: () => mayCreate(services, exchange, route) };
  const written = await services.registry.update(asking, target, object);
  await answerObject(services, exchange, {
    status: written.created ? 201 : 200,
    kind,
    bytes: written.object,
  });
}

export async function patch(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'patch', route.subresource);
  formatOf(services, exchange);
  const type = patchTypeOf(exchange, kind);
  const context = writeContextOf(exchange, 'PatchOptions', type === 'apply');
  const body = await patchBody(exchange, type);
  const change =
    body.type === 'apply' ? { ...body, mayCreate: () => mayCreate(services, exchange, route) } : body;
  const written = await services.registry.patch(context, targetOf(kind, route), change);
  await answerObject(services, exchange, {
    status: written.created ? 201 : 200,
    kind,
    bytes: written.object,
  });
}

/** Who may patch may not create by that. @throws Forbidden */
async function mayCreate(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const attributes = { ...attributesOf(exchange, route), verb: 'create' };
  const decision = await services.authorizer.authorize(exchange.user, attributes, exchange.signal);
  if (!decision.allowed) throw forbidden(exchange.user, attributes, decision.reason);
}

export async function remove(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'delete', route.subresource);
  formatOf(services, exchange);
  const { options, context } = await deletion(services, exchange);
  const deleted = await services.registry.delete(context, targetOf(kind, route), options);
  if (deleted.shown) {
    // Upstream says so only to who asked for what takes longer.
    const status = !deleted.gone && options.propagationPolicy === 'Foreground' ? 202 : 200;
    await answerObject(services, exchange, { status, kind, bytes: deleted.object });
    return;
  }
  const metadata = deleted.object.metadata();
  const details = {
    name: metadata.name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.resource,
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
  };
  await answerValue(services, exchange, {
    status: 200,
    value: successStatus(details),
    format: { encoding: 'json', shape: 'object' },
  });
}

export async function removeAll(
  services: Services,
  exchange: Exchange,
  route: CollectionRoute,
): Promise<void> {
  const kind = kindOf(services, route);
  allowVerb(kind, 'deletecollection');
  formatOf(services, exchange);
  const { options, context } = await deletion(services, exchange);
  const target = { kind, namespace: route.namespace };
  const list = await services.registry.deleteCollection(
    context,
    target,
    listOptionsOf(exchange.query),
    options,
  );
  await answerList(services, exchange, { kind, list });
}

async function deletion(services: Services, exchange: Exchange) {
  const { options, dryRun } = deleteOptionsOf(exchange.query, await decodeBody(exchange, services.protobuf));
  const context: RequestContext = contextOf(exchange);
  return { options, context: { ...context, dryRun: context.dryRun || dryRun } };
}
