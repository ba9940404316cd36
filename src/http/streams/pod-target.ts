import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { contextOf, kindOf } from '../verbs/context.ts';

/** Where a stream goes. */
export interface PodTarget {
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
}

interface PodSpec {
  readonly nodeName?: string;
  readonly containers?: ReadonlyArray<{ readonly name: string }>;
  readonly initContainers?: ReadonlyArray<{ readonly name: string }>;
  readonly ephemeralContainers?: ReadonlyArray<{ readonly name: string }>;
}

/** @throws NotFound for no such pod, BadRequest for one that is on no node yet. */
export async function podTarget(services: Services, exchange: Exchange, route: ObjectRoute) {
  const pod = await getPod(services, exchange, route);
  const spec = (pod.spec ?? {}) as PodSpec; // The kind's schema.
  if (!spec.nodeName) throw new AmphoraError('BadRequest', `pod ${route.name} does not have a host assigned`);
  const target: PodTarget = {
    node: spec.nodeName,
    namespace: route.namespace,
    pod: route.name,
    uid: pod.metadata.uid ?? '',
  };
  return { target, pod, spec };
}

/** The container asked for, or the only one. @throws BadRequest */
export function containerOf(route: ObjectRoute, spec: PodSpec, asked: string | null): string {
  const containers = spec.containers ?? [];
  const all = [...containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  if (asked !== null && asked !== '') {
    if (all.some(({ name }) => name === asked)) return asked;
    throw new AmphoraError('BadRequest', `container ${asked} is not valid for pod ${route.name}`);
  }
  const [only] = containers;
  if (only !== undefined && containers.length === 1) return only.name;
  const names = containers.map(({ name }) => name).join(' ');
  throw new AmphoraError(
    'BadRequest',
    `a container name must be specified for pod ${route.name}, choose one of: [${names}]`,
  );
}

async function getPod(
  services: Services,
  exchange: Exchange,
  route: ObjectRoute,
): Promise<Readonly<ApiObject>> {
  const kind = kindOf(services, route);
  const target = { kind, namespace: route.namespace, name: route.name };
  const found = await services.registry.get(contextOf(exchange), target, {});
  return found.object();
}
