import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TunnelCall, TunnelHandler } from '../../client/node-tunnel.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, writeFrame } from '../../lib/frames.ts';
import { sandboxIdOf } from '../pod/record.ts';
import { chooseAttempt, copyLog } from './logs.ts';
import { exitStatus, failureStatus, processStreams } from './process-streams.ts';
import { Parameters } from './requests.ts';
import type { LocatedContainer, StreamContext } from './stream-context.ts';

/** What the node answers over its tunnel, by path. docs/designs/node-tunnel.md */
export function streamHandlers(context: StreamContext): Readonly<Record<string, TunnelHandler>> {
  return {
    '/v1/logs': (call) => serveLogs(call, context),
    '/v1/exec': (call) => serveProcess(call, context, 'exec'),
    '/v1/attach': (call) => serveProcess(call, context, 'attach'),
    '/v1/port-forward': (call) => servePortForward(call, context),
    '/v1/stats': (call) => serveStats(call, context),
  };
}

function locate(parameters: Parameters, context: StreamContext, container: string): LocatedContainer {
  const pod = parameters.text('pod');
  const namespace = parameters.text('namespace');
  const uid = parameters.optionalText('uid');
  const found = context.find({ namespace, pod, ...(uid === undefined ? {} : { uid }) }, container);
  if (found === undefined)
    throw new AmphoraError('NotFound', `pod ${namespace}/${pod} does not run on this node`);
  return found;
}

async function serveLogs(call: TunnelCall, context: StreamContext): Promise<void> {
  const parameters = new Parameters(call.request);
  const container = parameters.text('container');
  const found = locate(parameters, context, container);
  const pod = parameters.text('pod');
  const attempt = chooseAttempt(found.attempt, { previous: parameters.flag('previous'), container, pod });
  const sinceTime = parameters.optionalText('sinceTime');
  const tailLines = parameters.optionalNumber('tailLines');
  const limitBytes = parameters.optionalNumber('limitBytes');
  const output = call.accept();
  await copyLog(
    found.logPath(attempt),
    {
      follow: parameters.flag('follow'),
      timestamps: parameters.flag('timestamps'),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(limitBytes === undefined ? {} : { limitBytes }),
      ...(sinceTime === undefined ? {} : { since: Date.parse(sinceTime) }),
    },
    { output, signal: call.signal, ended: async () => hasEnded(context, { parameters, container, attempt }) },
  );
  output.end();
}

/** Whether the attempt whose log is followed will write no more. */
function hasEnded(
  context: StreamContext,
  log: { readonly parameters: Parameters; readonly container: string; readonly attempt: number },
): boolean {
  try {
    const { record } = locate(log.parameters, context, log.container);
    const now = record.containers[log.container];
    return now === undefined || now.attempt !== log.attempt || now.phase === 'exited';
  } catch {
    return true;
  }
}

async function serveProcess(
  call: TunnelCall,
  context: StreamContext,
  verb: 'exec' | 'attach',
): Promise<void> {
  const parameters = new Parameters(call.request);
  const container = parameters.text('container');
  const { engine, record } = locate(parameters, context, container);
  const { exec, attach } = engine.capabilities;
  const [first, ...rest] = parameters.texts('command');
  if (record.containers[container]?.phase !== 'running')
    throw new AmphoraError(
      'BadRequest',
      `container ${container} of pod ${record.namespace}/${record.name} is not running`,
    );
  if ((verb === 'exec' ? exec : attach) === undefined)
    throw new AmphoraError('NotImplemented', `runtime class ${record.runtimeClass} cannot ${verb}`);
  if (verb === 'exec' && first === undefined)
    throw new AmphoraError('BadRequest', 'you must specify at least 1 command');
  const target = { sandboxId: sandboxIdOf(record), container };
  const connection = call.accept();
  const { io, pump } = processStreams(connection, { stdin: parameters.flag('stdin'), signal: call.signal });
  pump.catch(() => {}); // A connection that breaks aborts the call's signal, which ends the process below.
  const terminal = parameters.flag('tty');
  const status = await (verb === 'exec' && exec !== undefined && first !== undefined
    ? exec(target, { args: [first, ...rest], terminal }, io, call.signal)
    : (attach?.(target, io, call.signal) ?? Promise.resolve()).then(() => ({ exitCode: 0 }))
  ).then(({ exitCode }) => exitStatus(exitCode), failureStatus);
  await Promise.all([flushed(io.stdout), flushed(io.stderr)]);
  await writeFrame(
    connection,
    { channel: CHANNEL.status, payload: Buffer.from(JSON.stringify(status)) },
    call.signal,
  );
  connection.end();
}

/** Everything written so far is on its way; the engine may have ended the stream, or left that to us. */
function flushed(
  stream: NodeJS.WritableStream & { writableFinished?: boolean; destroyed?: boolean },
): Promise<void> {
  if (stream.writableFinished === true || stream.destroyed === true) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('finish', resolve);
    stream.once('error', () => resolve());
    stream.end();
  });
}

async function servePortForward(call: TunnelCall, context: StreamContext): Promise<void> {
  const parameters = new Parameters(call.request);
  const port = parameters.optionalNumber('port') ?? 0;
  if (port < 1 || port > 65_535) throw new AmphoraError('BadRequest', 'port must be from 1 to 65535');
  const { engine, record } = locate(parameters, context, '');
  const dial = engine.capabilities.dial;
  const far = await (dial === undefined
    ? dialTcp(record.addresses[0], port, call.signal)
    : dial(sandboxIdOf(record), port, call.signal));
  await joinPod(call.accept(), far);
}

/** Ends with the pod's side, as upstream: a process that drops its connection has said what it had to say. */
async function joinPod(near: Duplex, far: Duplex): Promise<void> {
  near.on('error', () => {}); // Both ends are watched by the pipeline below.
  far.on('error', () => {});
  near.pipe(far);
  near.once('close', () => far.destroy());
  try {
    await pipeline(far, near);
  } catch {
    near.end();
  } finally {
    near.unpipe(far);
    near.resume();
    far.destroy();
  }
}

function dialTcp(host: string | undefined, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host ?? '127.0.0.1', port, signal, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) =>
      reject(new AmphoraError('Unavailable', `port ${port} of the pod: ${error.message}`, { cause: error })),
    );
  });
}

async function serveStats(call: TunnelCall, context: StreamContext): Promise<void> {
  const sandboxes = context.sandboxes().filter(({ record }) => record.sandbox.phase === 'made');
  const usage = await Promise.all(
    sandboxes.map(async ({ record, engine }) => {
      const stats = await engine.capabilities
        .stats?.(sandboxIdOf(record), call.signal)
        .catch(() => undefined);
      if (stats === undefined) return [];
      return [
        {
          podUid: record.uid,
          podNamespace: record.namespace,
          podName: record.name,
          runtimeClass: record.runtimeClass,
          ...stats,
        },
      ];
    }),
  );
  call.accept().end(JSON.stringify(usage.flat()));
}
