import { AmphoraError } from '../../lib/errors.ts';
import { readChunks } from '../../lib/read-chunks.ts';
import { methodNotAllowed } from '../status.ts';
import { booleanOption, integerOption } from '../verbs/context.ts';
import type { StreamHandler } from './all.ts';
import { containerOf, podTarget } from './pod-target.ts';

/** `GET …/pods/NAME/log`: the node's lines as they come. */
export const log: StreamHandler = async (services, exchange, route) => {
  if (exchange.method !== 'GET') throw methodNotAllowed();
  const { query, reply } = exchange;
  const { target, spec } = await podTarget(services, exchange, route);
  const { node, ...pod } = target;
  const request = {
    ...pod,
    container: containerOf(route, spec, query.get('container')),
    previous: booleanOption(query, 'previous'),
    follow: booleanOption(query, 'follow'),
    timestamps: booleanOption(query, 'timestamps'),
    ...natural(query, 'tailLines'),
    ...natural(query, 'limitBytes'),
    ...since(query),
  };
  const lines = await services.nodes.open(node, '/v1/logs', { request, signal: exchange.signal });
  lines.end();
  reply.begin(200, 'text/plain');
  reply.flushHeaders();
  try {
    for await (const chunk of readChunks(lines)) await reply.write(chunk);
  } finally {
    lines.destroy();
  }
  await reply.end();
};

function natural(query: URLSearchParams, name: string): Record<string, number> {
  const value = integerOption(query, name);
  if (value === undefined) return {};
  if (value < 0)
    throw new AmphoraError('Invalid', `${name}: Invalid value: ${value}: must be greater than or equal to 0`);
  return { [name]: value };
}

/** One of the two; seconds are turned into a time, so that the node needs only one. */
function since(query: URLSearchParams): { sinceTime?: string } {
  const seconds = integerOption(query, 'sinceSeconds');
  const time = query.get('sinceTime');
  if (seconds !== undefined && time)
    throw new AmphoraError('Invalid', 'at most one of `sinceTime` or `sinceSeconds` may be specified');
  if (seconds !== undefined) return { sinceTime: new Date(Date.now() - seconds * 1000).toISOString() };
  if (!time) return {};
  if (Number.isNaN(Date.parse(time)))
    throw new AmphoraError('BadRequest', `sinceTime ${JSON.stringify(time)} is not RFC 3339`);
  return { sinceTime: time };
}
