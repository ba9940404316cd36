import type { ApiObject } from '../../api/kind.ts';
import type { EndpointSlice, Endpoints, Service } from '../../api/types.generated.ts';
import { AmphoraError, isCode } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { contextOf } from '../verbs/context.ts';
import type { TargetName } from './target-name.ts';

/** One of a service's pods, as its endpoints say; whether that is true is to be checked. */
export interface ServicePod {
  readonly pod: string;
  readonly address: string;
  readonly port: number;
}

/** The ready ones for the port asked for, in an order by chance. @throws NotFound, Unavailable for no such port */
export async function endpointsOf(
  services: Services,
  exchange: Exchange,
  { route, name }: { route: ObjectRoute; name: TargetName },
): Promise<readonly ServicePod[]> {
  const { namespace } = route;
  const read = { services, exchange, namespace, name: name.name };
  const service = (await object(read, { group: '', resource: 'services' })) as unknown as Service; // The kind's.
  const portName = portNameOf(service, name, route.name);
  const slices = await list(read);
  const found = slices.flatMap((slice) => ofSlice(slice, { portName, namespace }));
  const all = found.length > 0 ? found : ofEndpoints(await endpoints(read), { portName, namespace });
  return shuffled(all);
}

/** Endpoints name the port; a number means the service port of that number. */
function portNameOf({ spec }: Service, { port }: TargetName, asked: string): string {
  const ports = spec?.ports ?? [];
  if (port === '') return ports[0]?.name ?? '';
  const named = ports.find(({ name }) => name === port);
  if (named !== undefined) return port;
  const numbered = ports.find((one) => String(one.port) === port);
  if (numbered === undefined)
    throw new AmphoraError(
      'Unavailable',
      `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(asked)}`,
    );
  return numbered.name ?? '';
}

interface Reading {
  readonly services: Services;
  readonly exchange: Exchange;
  readonly namespace: string;
  readonly name: string;
}

interface Wanted {
  readonly portName: string;
  readonly namespace: string;
}

function ofSlice(
  { ports = [], endpoints = [] }: EndpointSlice,
  { portName, namespace }: Wanted,
): ServicePod[] {
  const port = ports?.find(({ name = '' }) => name === portName)?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
    const isPod = targetRef?.kind === 'Pod' && targetRef.namespace === namespace;
    const [address] = addresses;
    return isPod && conditions?.ready !== false && address !== undefined
      ? [{ pod: targetRef.name ?? '', address, port }]
      : [];
  });
}

function ofEndpoints(endpoints: Endpoints | undefined, { portName, namespace }: Wanted): ServicePod[] {
  return (endpoints?.subsets ?? []).flatMap(({ ports = [], addresses = [] }) => {
    const port = ports.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) return [];
    return addresses.flatMap(({ ip, targetRef }) =>
      targetRef?.kind === 'Pod' && targetRef.namespace === namespace
        ? [{ pod: targetRef.name ?? '', address: ip, port }]
        : [],
    );
  });
}

async function list({ services, exchange, namespace, name }: Reading): Promise<EndpointSlice[]> {
  const kind = services.registry.kinds.find('discovery.k8s.io', 'v1', 'endpointslices');
  if (kind === undefined) return [];
  const found = await services.registry.list(
    contextOf(exchange),
    { kind, namespace },
    { labelSelector: `kubernetes.io/service-name=${name}` },
  );
  return found.items.map((item) => item.object() as unknown as EndpointSlice); // The kind's.
}

async function endpoints(read: Reading): Promise<Endpoints | undefined> {
  try {
    return (await object(read, { group: '', resource: 'endpoints' })) as unknown as Endpoints; // The kind's.
  } catch (error) {
    if (isCode(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function object(
  { services, exchange, namespace, name }: Reading,
  { group, resource }: { group: string; resource: string },
): Promise<Readonly<ApiObject>> {
  const kind = services.registry.kinds.find(group, 'v1', resource);
  if (kind === undefined) throw new AmphoraError('NotFound', `${resource} are not served`);
  const found = await services.registry.get(contextOf(exchange), { kind, namespace, name }, {});
  return found.object();
}

function shuffled<T>(items: readonly T[]): T[] {
  const from = Math.floor(Math.random() * items.length);
  return [...items.slice(from), ...items.slice(0, from)];
}
