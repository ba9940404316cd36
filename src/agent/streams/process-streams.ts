import { type Duplex, PassThrough, Writable } from 'node:stream';
import type { ProcessIo } from '../../engines/engine.ts';
import type { TerminalSize } from '../../engines/sandbox-spec.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, type Frame, readFrames, writeFrame } from '../../lib/frames.ts';

export interface ProcessStreams {
  readonly io: ProcessIo;
  /** Reads what the other side sends until it ends. */
  readonly pump: Promise<void>;
}

/** The streams of a process, carried as frames on one connection. */
export function processStreams(
  connection: Duplex,
  wanted: { readonly stdin: boolean; readonly signal: AbortSignal },
): ProcessStreams {
  const stdin = new PassThrough();
  const sizes = new SizeQueue();
  const pump = (async () => {
    try {
      for await (const frame of readFrames(connection)) await take(frame, stdin, sizes);
    } finally {
      stdin.end();
      sizes.close();
    }
  })();
  return {
    io: {
      ...(wanted.stdin ? { stdin } : {}),
      stdout: channelWriter(connection, CHANNEL.stdout, wanted.signal),
      stderr: channelWriter(connection, CHANNEL.stderr, wanted.signal),
      resize: sizes,
    },
    pump,
  };
}

async function take(frame: Frame, stdin: PassThrough, sizes: SizeQueue): Promise<void> {
  if (frame.channel === CHANNEL.stdin && !stdin.write(frame.payload)) {
    await new Promise<void>((resolve) => {
      stdin.once('drain', resolve);
      stdin.once('close', resolve);
    });
  }
  if (frame.channel === CHANNEL.resize) sizes.push(frame.payload);
  if (frame.channel === CHANNEL.close && frame.payload[0] === CHANNEL.stdin) stdin.end();
}

function channelWriter(connection: Duplex, channel: number, signal: AbortSignal): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      writeFrame(connection, { channel, payload: chunk }, signal).then(
        () => done(),
        (error: unknown) => done(AmphoraError.from(error)),
      );
    },
  });
}

/** Keeps only the newest size: the ones between are of no use. */
class SizeQueue implements AsyncIterable<TerminalSize> {
  #newest: TerminalSize | undefined;
  #closed = false;
  #wake = Promise.withResolvers<void>();

  push(payload: Buffer): void {
    try {
      const size: unknown = JSON.parse(payload.toString('utf8'));
      if (typeof size !== 'object' || size === null) return;
      const width: unknown = Reflect.get(size, 'Width');
      const height: unknown = Reflect.get(size, 'Height');
      if (typeof width === 'number' && typeof height === 'number') this.#newest = { width, height };
      this.#wake.resolve();
    } catch {
      // A size that does not parse changes nothing.
    }
  }

  close(): void {
    this.#closed = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TerminalSize> {
    while (!this.#closed) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
      const size = this.#newest;
      this.#newest = undefined;
      if (size !== undefined) yield size;
    }
  }
}

/** The last frame: how the process ended, as `v5.channel.k8s.io` says it. */
export function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

export function failureStatus(error: unknown): object {
  const failure = AmphoraError.from(error);
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: failure.message,
    reason: failure.reason,
    code: failure.status,
  };
}
