import type { Duplex } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { readChunks } from '../../lib/read-chunks.ts';
import type { Exchange } from '../exchange.ts';
import type { NodeActionRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed } from '../status.ts';
import { bodyOf } from '../wire.ts';
import { relayed } from './peer-tunnels.ts';

/** An exec's command is among them. */
const REQUEST_CHARACTERS = LIMITS.httpHeaderBytes;

/** `POST /apis/amphora.dev/v1/nodes/NAME/ACTION`: bodies go through both ways as they come, parameters in a header. */
export async function askNode(services: Services, exchange: Exchange, route: NodeActionRoute): Promise<void> {
  if (exchange.method !== 'POST') throw methodNotAllowed();
  const { reply, request, signal } = exchange;
  const asked = parametersOf(exchange);
  const stream =
    route.action === 'relay'
      ? await relay(services, route.node, { asked, signal })
      : await services.nodes.open(route.node, `/v1/${route.action}`, { request: asked, signal });
  // A node that has its answer before it has the whole body stops reading; its answer says why.
  bodyOf(request).pipe(stream);
  reply.begin(200, 'application/json');
  reply.flushHeaders();
  try {
    for await (const chunk of readChunks(stream)) await reply.write(chunk);
  } finally {
    stream.destroy();
  }
  await reply.end();
}

/** Another server of the cluster asks a node whose tunnel ends here. */
function relay(
  services: Services,
  node: string,
  { asked, signal }: { readonly asked: unknown; readonly signal: AbortSignal },
): Promise<Duplex> {
  const { path, request } = relayed(asked);
  return services.nodes.open(node, path, { request, signal, isRelayed: true });
}

function parametersOf({ headers }: Exchange): unknown {
  const text = headers['amphora-request'];
  if (typeof text !== 'string' || text.length > REQUEST_CHARACTERS)
    throw new AmphoraError(
      'BadRequest',
      `the header amphora-request must hold JSON of at most ${REQUEST_CHARACTERS} characters`,
    );
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AmphoraError('BadRequest', 'the header amphora-request holds no JSON', { cause });
  }
}
