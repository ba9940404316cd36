import { isIP } from 'node:net';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import { type ObjectRoute, pathAfter } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { type PodTarget, podTarget } from '../streams/pod-target.ts';
import { contextOf, kindOf } from '../verbs/context.ts';
import { requestHeaders } from './headers.ts';
import { nodeConnection } from './node-connection.ts';
import { answerForNode } from './node-itself.ts';
import { podConnection } from './pod-connection.ts';
import { type Destination, relay } from './relay.ts';
import { endpointsOf } from './service-pods.ts';
import { parseTargetName, portNumber, type TargetName } from './target-name.ts';

/** Where a kubelet would listen. */
const KUBELET_PORT = '10250';

/** Where a request goes, once it is known. */
type Reached = Pick<Destination, 'connection' | 'isSecure'> & { readonly host: string };
type Reach = (
  services: Services,
  exchange: Exchange,
  at: { route: ObjectRoute; name: TargetName },
) => Promise<Reached>;

const REACH: Readonly<Record<string, Reach>> = { pods: reachPod, services: reachService, nodes: reachNode };

export function isProxy({ group, version, resource, subresource }: ObjectRoute): boolean {
  return subresource === 'proxy' && group === '' && version === 'v1' && Object.hasOwn(REACH, resource);
}

/**
 * `…/proxy/PATH` of a pod, service or node: the request as it came, without what says who sent it.
 * https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
 */
export async function answerProxy(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const reach = REACH[route.resource];
  const kind = kindOf(services, route);
  if (reach === undefined) throw new AmphoraError('NotFound', `${kind.resource} cannot be proxied to`);
  const query = queryOf(exchange);
  const rest = pathAfter(exchange.path, route);
  if (rest === '' && exchange.upgrade === undefined && /^(GET|HEAD)$/.test(exchange.method)) {
    // What is relative in a page would be taken as beside the object otherwise.
    exchange.reply.header('location', `${exchange.path}/${query}`);
    exchange.reply.begin(301);
    return exchange.reply.end();
  }
  const name = parseTargetName(route.name, kind.singular);
  if (route.resource === 'nodes' && (name.port === '' || name.port === KUBELET_PORT)) {
    await nodeNamed(services, exchange, name.name);
    return answerForNode(services, exchange, { node: name.name, path: rest === '' ? '/' : rest });
  }
  const { host, connection, isSecure } = await reach(services, exchange, { route, name });
  const prefix = exchange.path.slice(0, exchange.path.length - rest.length);
  await relay(exchange, {
    connection,
    isSecure,
    path: `${rest === '' ? '/' : rest}${query}`,
    headers: { ...requestHeaders(exchange), host },
    rewrite: (location) => rewritten(location, { prefix, host }),
  });
}

async function reachPod(
  services: Services,
  exchange: Exchange,
  { route, name }: { route: ObjectRoute; name: TargetName },
): Promise<Reached> {
  const { target, pod } = await podTarget(services, exchange, { ...route, name: name.name, subresource: '' });
  const isSecure = name.scheme === 'https';
  const port = name.port === '' ? (firstPort(pod) ?? (isSecure ? 443 : 80)) : portNumber(name.port);
  return await reached(services, exchange, { target, port, isSecure, host: addressOf(pod) ?? name.name });
}

async function reachService(
  services: Services,
  exchange: Exchange,
  { route, name }: { route: ObjectRoute; name: TargetName },
): Promise<Reached> {
  const isSecure = name.scheme === 'https';
  for (const { pod: podName, address, port } of await endpointsOf(services, exchange, { route, name })) {
    const found = await podTarget(services, exchange, {
      ...route,
      resource: 'pods',
      name: podName,
      subresource: '',
    }).catch((error: unknown) => {
      if (isCode(error, 'NotFound', 'BadRequest')) return undefined;
      throw error;
    });
    // Endpoints are anybody's to write: one that is not the pod's own address is passed over.
    if (found === undefined || !addressesOf(found.pod).includes(address)) continue;
    return await reached(services, exchange, { target: found.target, port, isSecure, host: address });
  }
  throw new AmphoraError('Unavailable', `no endpoints available for service ${JSON.stringify(route.name)}`);
}

async function reachNode(
  services: Services,
  exchange: Exchange,
  { name }: { name: TargetName },
): Promise<Reached> {
  return nodeConnection(await nodeNamed(services, exchange, name.name), name);
}

/** @throws NotFound */
async function nodeNamed(services: Services, exchange: Exchange, name: string): Promise<Readonly<ApiObject>> {
  const kind = services.registry.kinds.find('', 'v1', 'nodes');
  if (kind === undefined) throw new AmphoraError('NotFound', 'nodes are not served');
  const found = await services.registry.get(contextOf(exchange), { kind, namespace: '', name }, {});
  return found.object();
}

async function reached(
  services: Services,
  exchange: Exchange,
  to: { target: PodTarget; port: number; isSecure: boolean; host: string },
): Promise<Reached> {
  const host = isIP(to.host) === 6 ? `[${to.host}]` : to.host;
  return {
    isSecure: to.isSecure,
    host: `${host}:${to.port}`,
    connection: await podConnection(services, exchange, to),
  };
}

function firstPort(pod: Readonly<ApiObject>): number | undefined {
  const spec = pod.spec as {
    containers?: ReadonlyArray<{ ports?: ReadonlyArray<{ containerPort?: number }> }>;
  }; // The schema's.
  return spec.containers?.find(({ ports }) => (ports?.length ?? 0) > 0)?.ports?.[0]?.containerPort;
}

function addressOf(pod: Readonly<ApiObject>): string | undefined {
  return addressesOf(pod)[0];
}

function addressesOf(pod: Readonly<ApiObject>): string[] {
  const status = pod.status as { podIP?: string; podIPs?: ReadonlyArray<{ ip?: string }> } | undefined; // The schema's.
  const all = [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return all.filter((ip): ip is string => ip !== undefined && ip !== '');
}

function queryOf(exchange: Exchange): string {
  const url = exchange.request.url ?? '';
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark);
}

/** A place on the same server is reached through us; any other is the client's to reach. */
export function rewritten(location: string, { prefix, host }: { prefix: string; host: string }): string {
  const absolute = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(location);
  if (absolute !== null && absolute[1]?.toLowerCase() !== host.toLowerCase()) return location;
  const path = absolute === null ? location : (absolute[2] ?? '') || '/';
  if (!path.startsWith('/') || path.startsWith(`${prefix}/`)) return path;
  return prefix + path;
}
