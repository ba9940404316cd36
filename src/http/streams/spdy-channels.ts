import type { Duplex } from 'node:stream';
import { AmphoraError } from '../../lib/errors.ts';
import { CHANNEL, type Frame } from '../../lib/frames.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { Exchange } from '../exchange.ts';
import type { ClientChannels, StreamFlags } from './client-channels.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';

const UPGRADE = 'SPDY/3.1';

export function isSpdy(exchange: Exchange): boolean {
  return exchange.upgrade !== undefined && exchange.headers.upgrade?.toLowerCase() === UPGRADE.toLowerCase();
}

/** Answers 101 with the first of `protocols` that the client offers. @throws Forbidden when there is none, as upstream. */
export function acceptSpdy(exchange: Exchange, protocols: readonly string[]): Duplex {
  const offered = [exchange.headers['x-stream-protocol-version'] ?? []]
    .flat()
    .join(',')
    .split(/\s*,\s*/);
  const chosen = protocols.find((protocol) => offered.includes(protocol));
  const { upgrade } = exchange;
  if (upgrade === undefined || chosen === undefined)
    throw new AmphoraError(
      'Forbidden',
      `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${protocols.join(' ')}]`,
    );
  const socket = upgrade.take();
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE}\r\n` +
      `X-Stream-Protocol-Version: ${chosen}\r\n\r\n`,
  );
  return socket;
}

/** Waits for the streams that the flags announce. @throws Timeout when the client does not open them. */
export async function spdyChannels(socket: Duplex, flags: StreamFlags): Promise<ClientChannels> {
  const wanted = wantedStreams(flags);
  const streams = new Map<string, SpdyStream>();
  let complete = () => {};
  const opened = new Promise<void>((resolve) => {
    complete = resolve;
  });
  const session = new SpdySession(socket, (stream) => {
    const type = stream.headers.streamtype ?? '';
    if (!wanted.has(type) || streams.has(type)) stream.destroy();
    else streams.set(type, stream);
    if (streams.size === wanted.size) complete();
  });
  const ended = session.run().catch(() => {}); // A client that breaks the protocol is a client that has gone.
  const timer = setTimeout(() => socket.destroy(), LIMITS.tunnelAnswerMs);
  await Promise.race([opened, ended]);
  clearTimeout(timer);
  if (streams.size < wanted.size)
    throw new AmphoraError('Canceled', `the client did not open its streams (${[...wanted].join(', ')})`);
  return channelsOf({ session, streams, ended });
}

function wantedStreams(flags: StreamFlags): Set<string> {
  const wanted = new Set(['error']);
  if (flags.stdin) wanted.add('stdin');
  if (flags.stdout) wanted.add('stdout');
  if (flags.stderr && !flags.tty) wanted.add('stderr');
  if (flags.tty) wanted.add('resize');
  return wanted;
}

const NAMES: Readonly<Record<number, string>> = {
  [CHANNEL.stdout]: 'stdout',
  [CHANNEL.stderr]: 'stderr',
  [CHANNEL.status]: 'error',
};

function channelsOf(parts: {
  session: SpdySession;
  streams: ReadonlyMap<string, SpdyStream>;
  ended: Promise<void>;
}): ClientChannels {
  const { session, streams, ended } = parts;
  return {
    frames: () => merged([stdinFrames(streams.get('stdin')), resizeFrames(streams.get('resize'))], ended),
    send: ({ channel, payload }) => write(streams.get(NAMES[channel] ?? ''), payload),
    close: () => {
      for (const stream of streams.values()) stream.end();
      // The streams' ends are written before it: one connection, in order.
      setImmediate(() => session.close());
    },
  };
}

async function* stdinFrames(stream: SpdyStream | undefined): AsyncGenerator<Frame> {
  if (stream === undefined) return;
  for await (const payload of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    yield { channel: CHANNEL.stdin, payload };
  yield { channel: CHANNEL.close, payload: Buffer.of(CHANNEL.stdin) };
}

/** JSON values one after the other, without a separator that could be relied on. */
async function* resizeFrames(stream: SpdyStream | undefined): AsyncGenerator<Frame> {
  if (stream === undefined) return;
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}')) {
      yield { channel: CHANNEL.resize, payload: Buffer.from(text.slice(0, end + 1).trim()) };
      text = text.slice(end + 1);
    }
    if (text.length > 1024) return;
  }
}

/** Frames of all sources as they come, until the connection ends; not before, even if the sources do. */
async function* merged(
  sources: readonly AsyncGenerator<Frame>[],
  ended: Promise<void>,
): AsyncGenerator<Frame> {
  const next = (source: AsyncGenerator<Frame>) =>
    source.next().then(
      (result) => ({ source, result }),
      () => undefined,
    );
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  const over = ended.then(() => undefined);
  for (;;) {
    const found = await Promise.race([...waiting.values(), over]);
    if (found === undefined) return;
    if (found.result.done === true) waiting.delete(found.source);
    else {
      waiting.set(found.source, next(found.source));
      yield found.result.value;
    }
  }
}

function write(stream: SpdyStream | undefined, payload: Buffer): Promise<void> {
  if (stream === undefined || payload.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(payload, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}
