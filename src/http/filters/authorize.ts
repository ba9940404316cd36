import type { Attributes } from '../../access/authz/authorizer.ts';
import { forbidden } from '../../access/authz/forbidden.ts';
import { attributesOf } from '../routes/attributes.ts';
import { noSuchResource } from '../status.ts';
import { needsCreate } from '../streams/all.ts';
import type { Filter } from './all.ts';

export const authorize: Filter = async (exchange, next, services) => {
  const { route } = exchange;
  if (route === undefined) throw noSuchResource();
  const check = async (attributes: Attributes) => {
    const decision = await services.authorizer.authorize(exchange.user, attributes, exchange.signal);
    exchange.audit?.annotate('authorization.k8s.io/decision', decision.allowed ? 'allow' : 'forbid');
    exchange.audit?.annotate('authorization.k8s.io/reason', decision.reason);
    if (!decision.allowed) throw forbidden(exchange.user, attributes, decision.reason);
  };
  const attributes = attributesOf(exchange, route);
  await check(attributes);
  // A WebSocket is opened with GET, but running a command is no reading: upstream asks for create too, since 1.35.
  if (attributes.kind === 'resource' && attributes.verb === 'get' && needsCreate(route))
    await check({ ...attributes, verb: 'create' });
  await next();
};
