import { isJsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { objectsAt, textAt } from '../admission/fields.ts';
import type { LiveObjects, LiveView } from '../live.ts';
import { byNamespace } from '../live-index.ts';
import type { Address } from './endpoint.ts';
import { type ListPods, SelectedPods } from './selected-pods.ts';

/** Where a Service's port is served now. @throws Unavailable when nobody serves it. */
export type ServiceLookup = (service: {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}) => Promise<Address>;

const SERVICE_NAME = 'kubernetes.io/service-name';

/**
 * Finds one of a service's ready endpoints, without its address: that is routed in pods and on nodes only. Where
 * nobody writes endpoints for a service, the pods that it selects are its endpoints.
 */
export function createServiceLookup(live: LiveView, listPods?: ListPods): ServiceLookup {
  let followed: Followed | undefined;
  const selected = new SelectedPods(listPods ?? (async () => []));
  return async ({ namespace, name, port }) => {
    // Followed from the first call on: most servers never call a service.
    followed ??= follow(live);
    const { services, slices, endpoints, loaded } = followed;
    await loaded;
    const service = services.get(namespace, name);
    if (service === undefined)
      throw new AmphoraError('Unavailable', `service ${JSON.stringify(name)} not found`);
    const spec = isJsonObject(service.spec) ? service.spec : {};
    if (textAt(spec, 'type') === 'ExternalName') return { host: textAt(spec, 'externalName'), port };
    const wanted = objectsAt(spec, 'ports').find((each) => each.port === port);
    if (wanted === undefined)
      throw new AmphoraError(
        'Unavailable',
        `no service port ${port} found for service ${JSON.stringify(name)}`,
      );
    const portName = textAt(wanted, 'name');
    const all = slices(namespace)
      .filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === name)
      .flatMap((slice) => ofSlice(slice, portName));
    const known = endpoints.get(namespace, name);
    if (all.length === 0 && known !== undefined) all.push(...ofEndpoints(known, portName));
    if (all.length === 0) all.push(...(await selected.of(service, wanted)));
    const chosen = all[Math.floor(Math.random() * all.length)];
    if (chosen !== undefined) return chosen;
    throw new AmphoraError('Unavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  };
}

interface Followed {
  readonly services: LiveObjects;
  readonly slices: ReturnType<typeof byNamespace>;
  readonly endpoints: LiveObjects;
  readonly loaded: Promise<unknown>;
}

function follow(live: LiveView): Followed {
  const services = live.of('services');
  const slices = live.of('endpointslices.discovery.k8s.io');
  const endpoints = live.of('endpoints');
  const loaded = Promise.all([services.loaded, slices.loaded, endpoints.loaded]);
  return { services, slices: byNamespace(slices), endpoints, loaded };
}

function ofSlice(slice: Readonly<ApiObject>, portName: string): Address[] {
  const port = portNamed(slice, portName);
  if (port === undefined) return [];
  return objectsAt(slice, 'endpoints')
    .filter(({ conditions }) => !isJsonObject(conditions) || conditions.ready !== false)
    .flatMap(({ addresses }) => (Array.isArray(addresses) ? addresses.slice(0, 1) : []))
    .map((host) => ({ host: String(host), port }));
}

function ofEndpoints(endpoints: Readonly<ApiObject>, portName: string): Address[] {
  return objectsAt(endpoints, 'subsets').flatMap((subset) => {
    const port = portNamed(subset, portName);
    return port === undefined
      ? []
      : objectsAt(subset, 'addresses').map((address) => ({ host: textAt(address, 'ip'), port }));
  });
}

function portNamed(of: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const found = objectsAt(of, 'ports').find((port) => textAt(port, 'name') === name);
  return typeof found?.port === 'number' ? found.port : undefined;
}
