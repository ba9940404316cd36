import { AmphoraError } from '../../lib/errors.ts';
import { noSuchResource } from '../status.ts';

/** Every request this server understands, as one closed union: what is not here is refused. */
export type Route =
  | { readonly type: 'health'; readonly check: 'healthz' | 'livez' | 'readyz'; readonly part: string }
  | { readonly type: 'version' }
  | { readonly type: 'core-versions' }
  | { readonly type: 'groups' }
  | { readonly type: 'group'; readonly group: string }
  | { readonly type: 'resources'; readonly group: string; readonly version: string }
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
}

/** Something asked of one node through its tunnel: docs/designs/node-tunnel.md. */
export interface NodeActionRoute {
  readonly type: 'node-action';
  readonly node: string;
  readonly action: NodeAction;
}

const NODE_ACTIONS = ['stats', 'images/list', 'images/pull', 'images/import', 'images/remove'] as const;
export type NodeAction = (typeof NODE_ACTIONS)[number];

const PATH_CHARACTERS = 4096;
/** What hangs off a Namespace itself; any other third segment is a resource in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** @throws NotFound for a path that is not the API's, BadRequest for one that is malformed. */
export function parseRoute(path: string): Route {
  if (path.length > PATH_CHARACTERS) throw new AmphoraError('BadRequest', 'the path is too long');
  const segments = path.split('/').slice(1).map(decode);
  if (segments.at(-1) === '') segments.pop();
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
  const at = { group, version };
  if (rest[0] === 'namespaces' && rest.length >= 3 && !isNamespaceItself(rest)) {
    const [, namespace = '', ...inside] = rest;
    return underResource({ ...at, namespace: checkedName(namespace) }, inside);
  }
  return underResource({ ...at, namespace: '' }, rest);
}

function isNamespaceItself(segments: readonly string[]): boolean {
  return segments.length === 3 && NAMESPACE_SUBRESOURCES.has(segments[2] ?? '');
}

function underResource(
  at: { group: string; version: string; namespace: string },
  segments: readonly string[],
): Route {
  const [resource = '', name, subresource, ...more] = segments;
  if (resource === '') throw noSuchResource();
  if (name === undefined) return { type: 'collection', ...at, resource };
  if (more.length > 0)
    throw subresource === 'proxy'
      ? new AmphoraError('NotImplemented', `proxying to ${resource} is not supported: use port-forward`)
      : noSuchResource();
  // A Namespace is in itself, as upstream's request attributes have it.
  const namespace = at.group === '' && resource === 'namespaces' ? name : at.namespace;
  return {
    type: 'object',
    ...at,
    namespace,
    resource,
    name: checkedName(name),
    subresource: subresource ?? '',
  };
}

function openapi(segments: readonly string[]): Route {
  const [edition, root, ...rest] = segments;
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
