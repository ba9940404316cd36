import { isJsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { objectsAt, textAt } from '../admission/fields.ts';
import type { LiveObjects, LiveView } from '../live.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a Service's port is served now. @throws Unavailable when nobody serves it. */
export type ServiceLookup = (service: {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}) => Promise<Address>;

const SERVICE_NAME = 'kubernetes.io/service-name';

/** Finds one of a service's ready endpoints, without its address: that is routed in pods and on nodes only. */
export function createServiceLookup(live: LiveView): ServiceLookup {
  return async ({ namespace, name, port }) => {
    // Followed from the first call on: most servers never call a service.
    const services = live.of('services');
    const slices = live.of('endpointslices.discovery.k8s.io');
    const endpoints = live.of('endpoints');
    await Promise.all([services.loaded, slices.loaded, endpoints.loaded]);
    const service = services.get(namespace, name);
    if (service === undefined)
      throw new AmphoraError('Unavailable', `service ${JSON.stringify(name)} not found`);
    return choose(service, { port, slices, endpoints });
  };
}

function choose(
  service: Readonly<ApiObject>,
  from: { readonly port: number; readonly slices: LiveObjects; readonly endpoints: LiveObjects },
): Address {
  const { name, namespace = '' } = service.metadata;
  const spec = isJsonObject(service.spec) ? service.spec : {};
  const wanted = objectsAt(spec, 'ports').find(({ port }) => port === from.port);
  if (textAt(spec, 'type') === 'ExternalName') return { host: textAt(spec, 'externalName'), port: from.port };
  if (wanted === undefined)
    throw new AmphoraError(
      'Unavailable',
      `no service port ${from.port} found for service ${JSON.stringify(name)}`,
    );
  const portName = textAt(wanted, 'name');
  const found = [...from.slices.values()]
    .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[SERVICE_NAME] === name)
    .flatMap((slice) => ofSlice(slice, portName));
  const known = from.endpoints.get(namespace, name);
  const all = found.length > 0 || known === undefined ? found : ofEndpoints(known, portName);
  const chosen = all[Math.floor(Math.random() * all.length)];
  if (chosen !== undefined) return chosen;
  throw new AmphoraError('Unavailable', `no endpoints available for service ${JSON.stringify(name)}`);
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
