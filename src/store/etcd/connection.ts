import { type Clock, systemClock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { Channel, type ChannelTls } from './channel.ts';
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
  readonly tls?: ChannelTls;
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

/**
 * A connection to the members of one etcd: to one at a time, and to the next when that one does not answer. What only
 * reads is then asked again; what writes only where it is certain that nobody has begun to work on it, since a
 * compare-and-swap that was done and is sent again would seem to have lost.
 */
export class EtcdConnection {
  readonly #channels: readonly Channel[];
  readonly #clock: Clock;
  #current = 0;

  constructor({ endpoints, tls }: EtcdEndpoints, clock: Clock = systemClock) {
    if (endpoints.length === 0) throw new AmphoraError('BadRequest', 'no etcd server is named');
    this.#clock = clock;
    this.#channels = endpoints.map((endpoint) => new Channel(endpoint, tls));
  }

  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
    return this.#call(RANGE, request, signal);
  }

  txn(request: TxnRequest, signal: AbortSignal): Promise<TxnResponse> {
    return this.#call(TXN, request, signal);
  }

  /** A transaction that may be made twice: it reads, or writes the same again. */
  repeatableTxn(request: TxnRequest, signal: AbortSignal): Promise<TxnResponse> {
    return this.#call({ ...TXN, repeatable: true }, request, signal);
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
    const channel = this.#channel();
    try {
      for await (const message of channel.stream('/etcdserverpb.Watch/Watch', encodeWatch(request), signal)) {
        const response = decodeWatch(message);
        if (response.compactRevision > 0)
          throw new AmphoraError('Expired', 'the revision to watch from is compacted away: list again');
        if (response.canceled)
          throw new AmphoraError('Unavailable', `etcd ended the watch: ${response.reason}`);
        yield response;
      }
      if (!signal.aborted) throw new AmphoraError('Unavailable', 'etcd ended the watch');
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AmphoraError && error.code === 'Expired')) this.#leave(channel);
      throw etcdError('watching etcd', error);
    }
  }

  close(): void {
    for (const channel of this.#channels) channel.close();
  }

  async #call<Q, A>(method: Method<Q, A>, request: Q, signal: AbortSignal): Promise<A> {
    const until = Date.now() + LIMITS.storeCallMs;
    const alone = this.#channels.length === 1;
    for (let tries = 1; ; tries++) {
      if (signal.aborted) throw AmphoraError.from(signal.reason);
      const channel = this.#channel();
      const wait = method.repeatable && !alone ? LIMITS.etcdMemberMs : LIMITS.storeCallMs;
      try {
        const forMs = Math.max(1, Math.min(until - Date.now(), wait));
        return method.decode(await channel.unary(method.path, method.encode(request), { signal, forMs }));
      } catch (error) {
        if (signal.aborted) throw AmphoraError.from(signal.reason);
        if (isPassing(error)) this.#leave(channel);
        const again = isUntouched(error) || (method.repeatable && isPassing(error));
        if (!again || tries >= 2 * this.#channels.length || Date.now() >= until)
          throw etcdError(method.doing, error, method.repeatable);
      }
      if (tries % this.#channels.length === 0) await this.#clock.sleep(LIMITS.etcdRetryFirstMs, signal);
    }
  }

  #channel(): Channel {
    const channel = this.#channels[this.#current];
    if (channel === undefined) throw new RangeError('no such member');
    return channel;
  }

  /** Others may have left it already. */
  #leave(channel: Channel): void {
    if (this.#channel() === channel) this.#current = (this.#current + 1) % this.#channels.length;
  }
}
