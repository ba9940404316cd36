import { AmphoraError } from '../../lib/errors.ts';
import type { ProcessIo } from '../engine.ts';
import type { OutputListener } from './containers.ts';
import { pumpIn, resizeAll, writeAll } from './sessions.ts';
import type { VmSandbox } from './vm-sandbox.ts';

/** Joins a container's streams from now on: {@link import('../engine.ts').Attach}. */
export async function attachToContainer(
  sandbox: VmSandbox,
  call: { container: string; io: ProcessIo },
  signal: AbortSignal,
): Promise<void> {
  const follower = sandbox.follower(call.container);
  if (follower === undefined || follower.record.ended !== undefined)
    throw new AmphoraError('NotFound', `container ${call.container} of sandbox ${sandbox.id} is not running`);
  const { io } = call;
  const { process, spec } = follower.record;
  const gone = Promise.withResolvers<void>();
  const abort = () => gone.resolve();
  const listener: OutputListener = async (stream, data) => {
    await Promise.race([writeAll(stream === 'stdout' ? io.stdout : io.stderr, data), gone.promise]);
  };
  follower.listeners.add(listener);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  if (io.stdin !== undefined && spec.process.stdin) pumpIn(sandbox.channel, process * 4, io.stdin);
  resizeAll(sandbox.channel, process, io.resize);
  try {
    await Promise.race([follower.ended, gone.promise]);
  } finally {
    gone.resolve();
    follower.listeners.delete(listener);
    signal.removeEventListener('abort', abort);
    io.stdout.end();
    io.stderr.end();
  }
}
