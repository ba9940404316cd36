import type { ApiObject } from '../../api/kind.ts';
import { apiVersionOf } from '../../api/kind.ts';
import type { Exchange } from '../exchange.ts';
import { type ObjectRoute, pathAfter } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { booleanOption, contextOf, kindOf, targetOf } from './context.ts';

/**
 * Admission of a connection: exec, attach, port-forward and proxy. What it shows is upstream's options of each
 * (PodExecOptions, …), read from the query.
 */
export async function admitConnection(
  services: Services,
  exchange: Exchange,
  route: ObjectRoute,
): Promise<void> {
  const kind = kindOf(services, route);
  const body = kind.subresources.find(({ name }) => name === route.subresource);
  if (body === undefined) return;
  const options = { kind: body.kind, apiVersion: apiVersionOf(body), ...optionsOf(exchange, route) };
  await services.registry.admit(contextOf(exchange), targetOf(kind, route), {
    operation: 'CONNECT',
    object: options as unknown as ApiObject, // Options have no metadata.
  });
}

function optionsOf(exchange: Exchange, route: ObjectRoute): Record<string, unknown> {
  const { query } = exchange;
  if (route.subresource === 'proxy') return { path: pathAfter(exchange.path, route) };
  if (route.subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number));
    return ports.length === 0 ? {} : { ports };
  }
  const flags = ['stdin', 'stdout', 'stderr', 'tty'].filter((name) => booleanOption(query, name));
  const container = query.get('container') ?? '';
  const command = query.getAll('command');
  return {
    ...Object.fromEntries(flags.map((name) => [name, true])),
    ...(container === '' ? {} : { container }),
    ...(command.length === 0 ? {} : { command }),
  };
}
