import type { Duplex } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, readFrames, writeFrame } from '../../lib/frames.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import type { ObjectRoute } from '../routes/route.ts';
import type { Services } from '../services.ts';
import { methodNotAllowed, toStatus } from '../status.ts';
import { booleanOption } from '../verbs/context.ts';
import type { ClientChannels, StreamFlags } from './client-channels.ts';
import { containerOf, podTarget } from './pod-target.ts';
import { acceptSpdy, isSpdy, spdyChannels } from './spdy-channels.ts';
import { acceptWebSocket, isWebSocket, webSocketChannels } from './websocket.ts';

const WEBSOCKET_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];
const SPDY_PROTOCOLS = ['v4.channel.k8s.io'];

export async function exec(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  const command = exchange.query.getAll('command');
  if (command.length === 0)
    throw new AmphoraError('BadRequest', 'you must specify at least 1 command for the container');
  await run(services, exchange, { route, path: '/v1/exec', more: { command } });
}

export async function attach(services: Services, exchange: Exchange, route: ObjectRoute): Promise<void> {
  await run(services, exchange, { route, path: '/v1/attach', more: {} });
}

/** Opens the node's side first, so that what is wrong there is still an HTTP answer; then the client's; then pumps. */
async function run(
  services: Services,
  exchange: Exchange,
  options: { route: ObjectRoute; path: string; more: Record<string, unknown> },
): Promise<void> {
  if (exchange.method !== 'GET' && exchange.method !== 'POST') throw methodNotAllowed();
  if (!isWebSocket(exchange) && !isSpdy(exchange))
    throw new AmphoraError('BadRequest', 'Upgrade request required');
  const { query, signal } = exchange;
  const flags = flagsOf(query);
  const { target, spec } = await podTarget(services, exchange, options.route);
  const { node, ...pod } = target;
  const container = containerOf(options.route, spec, query.get('container'));
  const request = { ...pod, container, ...options.more, ...flags };
  const tunnel = await services.nodes.open(node, options.path, { request, signal });
  try {
    const client = await acceptClient(exchange, flags);
    await pump(client, tunnel, signal);
  } finally {
    tunnel.destroy();
  }
}

function flagsOf(query: URLSearchParams): StreamFlags {
  const tty = booleanOption(query, 'tty');
  const flags = {
    stdin: booleanOption(query, 'stdin'),
    stdout: booleanOption(query, 'stdout'),
    // A terminal has one output.
    stderr: booleanOption(query, 'stderr') && !tty,
    tty,
  };
  if (!flags.stdin && !flags.stdout && !flags.stderr)
    throw new AmphoraError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  return flags;
}

async function acceptClient(exchange: Exchange, flags: StreamFlags): Promise<ClientChannels> {
  if (isSpdy(exchange)) return spdyChannels(acceptSpdy(exchange, SPDY_PROTOCOLS), flags);
  const channels = webSocketChannels(await acceptWebSocket(exchange, WEBSOCKET_PROTOCOLS));
  // Upstream says so that the connection stands; some clients wait for it.
  await channels.send({ channel: CHANNEL.stdout, payload: Buffer.alloc(0) });
  return channels;
}

async function pump(client: ClientChannels, tunnel: Duplex, signal: AbortSignal): Promise<void> {
  let idle = setTimeout(() => {}, 0);
  const touch = () => {
    clearTimeout(idle);
    idle = setTimeout(() => tunnel.destroy(), LIMITS.streamIdleMs);
  };
  touch();
  tunnel.on('error', () => {}); // The reader below sees it.
  const up = async () => {
    for await (const frame of client.frames()) {
      touch();
      if (
        frame.channel === CHANNEL.stdin ||
        frame.channel === CHANNEL.resize ||
        frame.channel === CHANNEL.close
      )
        await writeFrame(tunnel, frame, signal);
    }
    tunnel.destroy(); // The client went away: the node ends the process.
  };
  const sending = up().catch(() => tunnel.destroy());
  try {
    await down(client, tunnel, touch);
  } finally {
    clearTimeout(idle);
    client.close();
    await sending;
  }
}

async function down(client: ClientChannels, tunnel: Duplex, touch: () => void): Promise<void> {
  let hasStatus = false;
  let failure: unknown = new AmphoraError(
    'Internal',
    'the connection to the node ended before the process did',
  );
  try {
    for await (const frame of readFrames(tunnel)) {
      touch();
      if (frame.channel < CHANNEL.stdout || frame.channel > CHANNEL.status) continue;
      await client.send(frame);
      hasStatus = frame.channel === CHANNEL.status;
      if (hasStatus) break;
    }
  } catch (error) {
    failure = error;
  }
  if (hasStatus) return;
  const payload = Buffer.from(JSON.stringify(toStatus(failure)));
  await client.send({ channel: CHANNEL.status, payload }).catch(() => {}); // Perhaps it is the client who went.
}
