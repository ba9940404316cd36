import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type ChannelOptions, Client, credentials, Metadata } from '@grpc/grpc-js';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { etcdError, isPassing, isUntouched } from './errors.ts';
import {
  decodeRange,
  decodeTxn,
  decodeVersion,
  decodeWatch,
  encodeCompaction,
  encodeRange,
  encodeTxn,
  encodeWatch,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from './messages.ts';

export interface EtcdEndpoints {
  /** `https://10.0.0.1:2379`, …: the members of one etcd. */
  readonly endpoints: readonly string[];
  /** PEM; without `ca` the system's authorities are trusted. */
  readonly tls?: { readonly ca?: Buffer; readonly certificate?: Buffer; readonly key?: Buffer };
}

interface Method<Q, A> {
  readonly path: string;
  readonly doing: string;
  readonly encode: (request: Q) => Buffer;
  readonly decode: (answer: Buffer) => A;
  /** Asking twice does no harm. */
  readonly repeatable: boolean;
}

const RANGE: Method<RangeRequest, RangeResponse> = {
  path: '/etcdserverpb.KV/Range',
  doing: 'reading from etcd',
  encode: encodeRange,
  decode: decodeRange,
  repeatable: true,
};
const TXN: Method<TxnRequest, TxnResponse> = {
  path: '/etcdserverpb.KV/Txn',
  doing: 'writing to etcd',
  encode: encodeTxn,
  decode: decodeTxn,
  repeatable: false,
};
const COMPACT: Method<{ readonly revision: number }, undefined> = {
  path: '/etcdserverpb.KV/Compact',
  doing: 'compacting etcd',
  encode: encodeCompaction,
  decode: () => undefined,
  repeatable: true,
};
const STATUS: Method<undefined, string> = {
  path: '/etcdserverpb.Maintenance/Status',
  doing: 'asking etcd for its version',
  encode: () => Buffer.alloc(0),
  decode: decodeVersion,
  repeatable: true,
};

/** A member that knows no leader then says so at once, and before it begins. */
const WITH_LEADER = Metadata.fromHttp2Headers({ hasleader: 'true' });

const DEFAULT_PORT = '2379';

const CHANNEL: ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.enable_retries': 0, // What may be sent again, we know better.
  'grpc.keepalive_time_ms': LIMITS.etcdPingMs,
  'grpc.keepalive_timeout_ms': LIMITS.etcdPingAnswerMs,
  'grpc.initial_reconnect_backoff_ms': LIMITS.etcdRetryFirstMs,
  'grpc.max_reconnect_backoff_ms': LIMITS.etcdRetryLongestMs,
};

/**
 * A connection to the members of one etcd: to one at a time, and to the next when that one does not answer. What only
 * reads is then asked again; what writes only where it is certain that nobody has begun to work on it, since a
 * compare-and-swap that was done and is sent again would seem to have lost.
 */
export class EtcdConnection {
  readonly #clients: readonly Client[];
  readonly #clock: Clock;
  #current = 0;

  constructor({ endpoints, tls }: EtcdEndpoints, clock: Clock = systemClock) {
    if (endpoints.length === 0) throw new AmphoraError('BadRequest', 'no etcd server is named');
    this.#clock = clock;
    this.#clients = endpoints.map((endpoint) => clientOf(endpoint, tls));
  }

  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
    return this.#call(RANGE, request, signal);
  }

  txn(request: TxnRequest, signal: AbortSignal): Promise<TxnResponse> {
    return this.#call(TXN, request, signal);
  }

  async compact(revision: number, signal: AbortSignal): Promise<void> {
    await this.#call(COMPACT, { revision }, signal);
  }

  /** `3.4.23`, of the member that is asked. */
  version(signal: AbortSignal): Promise<string> {
    return this.#call(STATUS, undefined, signal);
  }

  /**
   * One watch on a stream of its own; ends with the signal.
   * @throws Expired when the start is compacted away; Unavailable when the stream breaks, and the next member is the current one.
   */
  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    signal.throwIfAborted();
    const client = this.#client();
    const stream = client.makeBidiStreamRequest(
      '/etcdserverpb.Watch/Watch',
      encodeWatch,
      decodeWatch,
      WITH_LEADER,
    );
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    stream.on('error', () => {}); // Cancelling is an error too, and may come when nobody reads any more.
    try {
      stream.write(request);
      for await (const message of stream) {
        const response = message as WatchResponse; // What decodeWatch made.
        if (response.compactRevision > 0)
          throw new AmphoraError('Expired', 'the revision to watch from is compacted away: list again');
        if (response.canceled)
          throw new AmphoraError('Unavailable', `etcd ended the watch: ${response.reason}`);
        yield response;
      }
      if (!signal.aborted) throw new AmphoraError('Unavailable', 'etcd ended the watch');
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AmphoraError && error.code === 'Expired')) this.#leave(client);
      throw etcdError('watching etcd', error);
    } finally {
      signal.removeEventListener('abort', cancel);
      stream.cancel();
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async #call<Q, A>(method: Method<Q, A>, request: Q, signal: AbortSignal): Promise<A> {
    const until = Date.now() + LIMITS.storeCallMs;
    const alone = this.#clients.length === 1;
    for (let tries = 1; ; tries++) {
      if (signal.aborted) throw AmphoraError.from(signal.reason);
      const client = this.#client();
      const wait = method.repeatable && !alone ? LIMITS.etcdMemberMs : LIMITS.storeCallMs;
      try {
        return await once(client, method, { request, signal, deadline: Math.min(until, Date.now() + wait) });
      } catch (error) {
        if (signal.aborted) throw AmphoraError.from(signal.reason);
        if (isPassing(error)) this.#leave(client);
        const again = isUntouched(error) || (method.repeatable && isPassing(error));
        if (!again || tries >= 2 * this.#clients.length || Date.now() >= until)
          throw etcdError(method.doing, error);
      }
      if (tries % this.#clients.length === 0) await this.#clock.sleep(LIMITS.etcdRetryFirstMs, signal);
    }
  }

  #client(): Client {
    const client = this.#clients[this.#current];
    if (client === undefined) throw new RangeError('no such member');
    return client;
  }

  /** Others may have left it already. */
  #leave(client: Client): void {
    if (this.#client() === client) this.#current = (this.#current + 1) % this.#clients.length;
  }
}

interface Ask<Q> {
  readonly request: Q;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

function once<Q, A>(client: Client, method: Method<Q, A>, { request, signal, deadline }: Ask<Q>): Promise<A> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      method.path,
      method.encode,
      method.decode,
      request,
      WITH_LEADER,
      { deadline },
      (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error !== null) reject(error);
        else resolve(answer as A); // Without an error there is one, if only an empty one.
      },
    );
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}

function clientOf(endpoint: string, tls: EtcdEndpoints['tls']): Client {
  const url = URL.parse(endpoint);
  const isPlain = url?.protocol === 'http:';
  if (url === null || (url.protocol !== 'https:' && !isPlain) || url.host === '')
    throw new AmphoraError('BadRequest', `etcd server ${JSON.stringify(endpoint)}: use https://host:port`);
  const target = `${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`;
  if (isPlain) return new Client(target, credentials.createInsecure(), CHANNEL);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = credentials.createSsl(tls?.ca, tls?.key, tls?.certificate, {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
  // An address is no name to ask a server for (RFC 6066), though it is what its certificate must be for.
  const name = isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': 'etcd' };
  return new Client(target, secure, { ...CHANNEL, ...name });
}
