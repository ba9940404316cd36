import type { Attributes } from '../../access/authz/authorizer.ts';
import type { Exchange } from '../exchange.ts';
import { methodNotAllowed } from '../status.ts';
import type { CollectionRoute, NodeAction, ObjectRoute, Route } from './route.ts';

const OBJECT_VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What the request asks for, as authorization sees it; found out once. @throws MethodNotAllowed for a method without a verb. */
export function attributesOf(exchange: Exchange, route: Route): Attributes {
  exchange.attributes ??= attributesFrom(exchange, route);
  return exchange.attributes;
}

function attributesFrom(exchange: Exchange, route: Route): Attributes {
  const { method, query } = exchange;
  if (route.type === 'node-action') return nodeAttributes(route.node, route.action);
  // No path: `/apis/*` is open to whoever is known, for discovery.
  if (route.type === 'tunnel') return nodeAttributes(route.node, 'tunnel');
  if (route.type !== 'collection' && route.type !== 'object')
    return { kind: 'path', verb: method.toLowerCase(), path: exchange.path };
  const { group, version, resource, namespace } = route;
  const selector = query.get('fieldSelector');
  const labels = query.get('labelSelector');
  const verb = route.type === 'object' ? objectVerb(method, route) : collectionVerb(exchange, route);
  if (verb === undefined) throw methodNotAllowed();
  return {
    kind: 'resource',
    verb,
    group,
    version,
    resource,
    subresource: route.type === 'object' ? route.subresource : '',
    namespace,
    name: route.type === 'object' ? route.name : route.watch?.name || (selectedName(selector) ?? ''),
    ...(selector === null ? {} : { fieldSelector: selector }),
    ...(labels === null ? {} : { labelSelector: labels }),
  };
}

/** As upstream words it of `nodes/proxy`: a subresource that is created. */
function nodeAttributes(node: string, action: NodeAction | 'tunnel'): Attributes {
  return {
    kind: 'resource',
    verb: 'create',
    group: 'amphora.dev',
    version: 'v1',
    resource: 'nodes',
    subresource: action,
    namespace: '',
    name: node,
  };
}

/** What passes a request on takes every method; those that are no verb have an empty one, as upstream has it. */
function objectVerb(method: string, { subresource }: ObjectRoute): string | undefined {
  return OBJECT_VERBS[method] ?? (subresource === 'proxy' ? '' : undefined);
}

/** By its query, or by its path. */
export function isWatch({ query }: Exchange, { watch }: CollectionRoute): boolean {
  if (watch !== undefined) return true;
  const value = query.get('watch');
  return value !== null && value !== '0' && value !== 'false';
}

function collectionVerb(exchange: Exchange, route: CollectionRoute): string | undefined {
  const { method } = exchange;
  if (method === 'GET' || method === 'HEAD') return isWatch(exchange, route) ? 'watch' : 'list';
  if (route.watch !== undefined) return undefined;
  if (method === 'POST') return 'create';
  return method === 'DELETE' ? 'deletecollection' : undefined;
}

/** A list of one by name is asked for by that name, as upstream has it. */
function selectedName(selector: string | null): string | undefined {
  return selector === null ? undefined : /^metadata\.name==?([^,!=]+)$/.exec(selector)?.[1];
}
