import { AmphoraError } from '../../lib/errors.ts';
import { noSuchResource } from '../status.ts';

/** Every request this server understands, as one closed union: what is not here is refused. */
export type Route =
  | { readonly type: 'health'; readonly check: 'healthz' | 'livez' | 'readyz'; readonly part: string }
  | { readonly type: 'version' }
  | { readonly type: 'metrics' }
  | { readonly type: 'core-versions' }
  | { readonly type: 'groups' }
  | { readonly type: 'group'; readonly group: string }
  | { readonly type: 'resources'; readonly group: string; readonly version: string }
  | { readonly type: 'openapi-v2' }
  | { readonly type: 'openapi-index' }
  | { readonly type: 'openapi'; readonly group: string; readonly version: string }
  | { readonly type: 'key-set' }
  | { readonly type: 'issuer' }
  | { readonly type: 'root' }
  | { readonly type: 'tunnel'; readonly node: string }
  | NodeActionRoute
  | CollectionRoute
  | ObjectRoute;

export interface CollectionRoute {
  readonly type: 'collection';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Empty: all namespaces, or a kind that has none. */
  readonly namespace: string;
  /** Of the deprecated paths below `watch/`: a watch, of one object where it is named. */
  readonly watch?: { readonly name: string };
}

export interface ObjectRoute {
  readonly type: 'object';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** How many segments the path has after that: only what passes requests on has a use for them. */
  readonly after?: number;
}

/** Something asked of one node through its tunnel: docs/designs/node-tunnel.md. */
export interface NodeActionRoute {
  readonly type: 'node-action';
  readonly node: string;
  readonly action: NodeAction;
}

export const NODE_ACTIONS = [
  'stats',
  'images/list',
  'images/pull',
  'images/import',
  'images/remove',
  'relay',
] as const;
export type NodeAction = (typeof NODE_ACTIONS)[number];

const PATH_CHARACTERS = 4096;
/** What hangs off a Namespace itself; any other third segment is a resource in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** @throws NotFound for a path that is not the API's, BadRequest for one that is malformed. */
export function parseRoute(path: string): Route {
  if (path.length > PATH_CHARACTERS) throw new AmphoraError('BadRequest', 'the path is too long');
  const segments = path.split('/').slice(1).map(decode);
  // Whoever a request is passed on to would read another path than was authorized.
  if (segments.some((one) => one === '.' || one === '..'))
    throw new AmphoraError('BadRequest', 'invalid name in the path: "." and ".." are no segments');
  if (segments.at(-1) === '') segments.pop();
  return routeOf(segments);
}

function routeOf(segments: readonly string[]): Route {
  const [first = '', ...rest] = segments;
  switch (first) {
    case '':
      if (segments.length > 0) throw noSuchResource();
      return { type: 'root' };
    case 'healthz':
    case 'livez':
    case 'readyz':
      return { type: 'health', check: first, part: rest.join('/') };
    case 'version':
      if (rest.length > 0) throw noSuchResource();
      return { type: 'version' };
    case 'metrics':
      if (rest.length > 0) throw noSuchResource();
      return { type: 'metrics' };
    case 'api':
      return underVersion('', rest, { type: 'core-versions' });
    case 'apis':
      return underGroup(rest);
    case 'openapi':
      return openapi(rest);
    case 'openid':
      if (rest.join('/') !== 'v1/jwks') throw noSuchResource();
      return { type: 'key-set' };
    case '.well-known':
      if (rest.join('/') !== 'openid-configuration') throw noSuchResource();
      return { type: 'issuer' };
    default:
      throw noSuchResource();
  }
}

function underGroup(segments: readonly string[]): Route {
  const [group, ...rest] = segments;
  if (group === undefined) return { type: 'groups' };
  if (group === '') throw noSuchResource();
  if (group === 'amphora.dev' && rest[0] === 'v1' && rest[1] === 'nodes') return underNode(rest.slice(2));
  return underVersion(group, rest, { type: 'group', group });
}

function underNode([name = '', ...rest]: readonly string[]): Route {
  const node = checkedName(name);
  const path = rest.join('/');
  if (path === 'tunnel') return { type: 'tunnel', node };
  const action = NODE_ACTIONS.find((one) => one === path);
  if (action === undefined) throw noSuchResource();
  return { type: 'node-action', node, action };
}

function underVersion(group: string, segments: readonly string[], none: Route): Route {
  const [version, ...rest] = segments;
  if (version === undefined) return none;
  if (rest.length === 0) return { type: 'resources', group, version };
  if (rest[0] === 'watch') return watched(underVersion(group, [version, ...rest.slice(1)], none));
  const at = { group, version };
  if (rest[0] === 'namespaces' && rest.length >= 3 && !isNamespaceItself(rest)) {
    const [, namespace = '', ...inside] = rest;
    return underResource({ ...at, namespace: checkedName(namespace) }, inside);
  }
  return underResource({ ...at, namespace: '' }, rest);
}

/** `watch/namespaces/x/pods/y`: long deprecated, and still what some clients ask for. */
function watched(route: Route): Route {
  if (route.type === 'collection' && route.watch === undefined) return { ...route, watch: { name: '' } };
  if (route.type !== 'object' || route.subresource !== '') throw noSuchResource();
  const { group, version, resource, name } = route;
  const namespace = group === '' && resource === 'namespaces' ? '' : route.namespace;
  return { type: 'collection', group, version, resource, namespace, watch: { name } };
}

function isNamespaceItself(segments: readonly string[]): boolean {
  return segments.length === 3 && NAMESPACE_SUBRESOURCES.has(segments[2] ?? '');
}

function underResource(
  at: { group: string; version: string; namespace: string },
  segments: readonly string[],
): Route {
  const [resource = '', name, subresource, ...more] = segments;
  if (resource === '' || resource.includes('/') || subresource?.includes('/')) throw noSuchResource();
  if (name === undefined) return { type: 'collection', ...at, resource };
  // A Namespace is in itself, as upstream's request attributes have it.
  const namespace = at.group === '' && resource === 'namespaces' ? name : at.namespace;
  return {
    type: 'object',
    ...at,
    namespace,
    resource,
    name: checkedName(name),
    subresource: subresource ?? '',
    ...(more.length === 0 ? {} : { after: more.length }),
  };
}

/** What a path has after the subresource, as it was sent and with its slash; empty for nothing. */
export function pathAfter(path: string, route: ObjectRoute): string {
  const parts = path.split('/');
  const count = (route.after ?? 0) + (parts.at(-1) === '' ? 1 : 0);
  return count === 0 ? '' : `/${parts.slice(-count).join('/')}`;
}

function openapi(segments: readonly string[]): Route {
  const [edition, root, ...rest] = segments;
  if (edition === 'v2' && root === undefined) return { type: 'openapi-v2' };
  if (edition !== 'v3') throw noSuchResource();
  if (root === undefined) return { type: 'openapi-index' };
  const [first, second, third] = rest;
  if (root === 'api' && first !== undefined && second === undefined)
    return { type: 'openapi', group: '', version: first };
  if (root === 'apis' && first !== undefined && second !== undefined && third === undefined)
    return { type: 'openapi', group: first, version: second };
  throw noSuchResource();
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    throw new AmphoraError('BadRequest', `the path segment ${JSON.stringify(segment)} is not valid`, {
      cause: error,
    });
  }
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names */
function checkedName(name: string): string {
  // Control characters would end up in keys of the store and in log lines.
  if (name === '' || name === '.' || name === '..' || name.length > 253 || /[/%\p{Cc}]/u.test(name))
    throw new AmphoraError('BadRequest', `invalid name ${JSON.stringify(name)}: it cannot be a path segment`);
  return name;
}
