import type { Duplex } from 'node:stream';
import { serveTunnel, type TunnelHandler } from '../../client/node-tunnel.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, readFrames, writeFrame } from '../../lib/frames.ts';
import { silentLogger } from '../../lib/log.ts';
import type { Fixture } from './fixture.ts';
import { waitFor } from './wait-for.ts';

const SUCCESS = Buffer.from(JSON.stringify({ metadata: {}, status: 'Success' }));

/** A node whose processes send back what they are sent, and whose ports do the same unless `dial` says where they lead. */
export async function startEchoNode(
  fixture: Fixture,
  name: string,
  dial?: (port: number) => Duplex,
): Promise<AsyncDisposable> {
  const identity = await fixture.pki.issue({ user: `system:node:${name}`, groups: ['system:nodes'] });
  const stop = new AbortController();
  const tunnel = serveTunnel({
    server: `https://127.0.0.1:${fixture.port}`,
    tls: () => ({ ca: fixture.pki.caCertificate, ...identity }),
    nodeName: name,
    handlers: {
      '/v1/exec': exec,
      '/v1/attach': exec,
      '/v1/port-forward': forwardTo(dial),
      '/v1/logs': logs,
      '/v1/stats': stats,
    },
    signal: stop.signal,
    log: silentLogger(),
  });
  await waitFor(() => fixture.nodes.connected().includes(name));
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await tunnel;
    },
  };
}

/** `exit N`: ends with that status; `flood N`: writes so many bytes; anything else: echoes stdin until it is closed. */
const exec: TunnelHandler = async ({ request, accept }) => {
  const { command = [], stdin } = request as { command?: string[]; stdin?: boolean };
  const [verb, argument] = command;
  if (verb === 'missing')
    throw new AmphoraError('BadRequest', 'container main in pod web is waiting to start: ContainerCreating');
  const stream = accept();
  if (verb === 'flood') await flood(stream, Number(argument));
  else if (stdin) {
    for await (const { channel, payload } of readFrames(stream)) {
      if (channel === CHANNEL.close) break;
      const out = channel === CHANNEL.stdin ? CHANNEL.stdout : CHANNEL.stderr;
      await writeFrame(stream, { channel: out, payload });
    }
  } else
    await writeFrame(stream, { channel: CHANNEL.stdout, payload: Buffer.from(`${command.join(' ')}\n`) });
  const payload = verb === 'exit' ? exitStatus(argument ?? '1') : SUCCESS;
  await writeFrame(stream, { channel: CHANNEL.status, payload });
  stream.end();
};

async function flood(stream: Parameters<typeof writeFrame>[0], bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= 65_536)
    await writeFrame(stream, {
      channel: CHANNEL.stdout,
      payload: Buffer.alloc(Math.min(left, 65_536), 0x61),
    });
}

function exitStatus(code: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      metadata: {},
      status: 'Failure',
      message: `command terminated with non-zero exit code: exit status ${code}`,
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: code }] },
    }),
  );
}

function forwardTo(dial: ((port: number) => Duplex) | undefined): TunnelHandler {
  return async ({ request, accept }) => {
    const { port } = request as { port: number };
    if (port === 1) throw new AmphoraError('Unavailable', 'nothing listens on port 1');
    const stream = accept();
    const far = dial?.(port) ?? stream;
    far.on('error', () => stream.end());
    if (far !== stream) far.pipe(stream);
    stream.pipe(far);
  };
}

const stats: TunnelHandler = async ({ accept }) => {
  const usage = { podUid: '1', podNamespace: 'default', podName: 'web', at: 0, cpuNanoseconds: 2e9 };
  accept().end(JSON.stringify([{ ...usage, memoryBytes: 20, workingSetBytes: 10 }]));
};

const logs: TunnelHandler = async ({ request, accept }) => {
  accept().end(`${JSON.stringify(request)}\n`);
};
