import type { Etcd3, IKeyValue, IWatchResponse, Watcher } from 'etcd3';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { StoreEvent, WatchBatch } from '../store.ts';
import { etcdError } from './errors.ts';

export interface EtcdWatch {
  /** Where the watched keys begin. */
  readonly prefix: Buffer;
  readonly fromRevision: number;
  readonly signal: AbortSignal;
  readonly decode: (kv: IKeyValue) => StoreEvent['key'];
}

/**
 * Everything after a revision, as etcd tells it. The library connects again after a break, from where it was; a reader
 * that falls behind is dropped. There are no batches without events: progress notifications can't be trusted before
 * etcd 3.4.31 and 3.5.13, and a revision read beside the watch says nothing about how far the watch has got.
 */
export async function* watchEtcd(client: Etcd3, watch: EtcdWatch): AsyncGenerator<WatchBatch> {
  const { signal } = watch;
  if (signal.aborted) return;
  const feed = new Feed(watch);
  const end = () => feed.end();
  signal.addEventListener('abort', end, { once: true });
  const watcher = client
    .watch()
    .prefix(watch.prefix)
    .withPreviousKV()
    .startRevision(String(watch.fromRevision + 1))
    .watcher();
  feed.follow(watcher);
  try {
    yield* feed.batches();
  } finally {
    signal.removeEventListener('abort', end);
    // One that etcd has ended is attached no more, and would wait for its end for ever.
    if (!feed.endedByEtcd) await watcher.cancel();
  }
}

class Feed {
  readonly #watch: EtcdWatch;
  #events: StoreEvent[] = [];
  /** Of the last event that etcd has told. */
  #revision: number;
  #connected = false;
  #ended = false;
  #failure: AmphoraError | undefined;
  endedByEtcd = false;
  #wake: () => void = () => {};

  constructor(watch: EtcdWatch) {
    this.#watch = watch;
    this.#revision = watch.fromRevision;
  }

  follow(watcher: Watcher): void {
    watcher.on('connected', () => {
      this.#connected = true;
      this.#resumeFromHere(watcher);
      this.#wake();
    });
    watcher.on('data', (response) => {
      this.#take(response);
      this.#resumeFromHere(watcher);
    });
    watcher.on('error', (error) => {
      this.endedByEtcd = true;
      this.#fail(etcdError('watching etcd', error));
    });
  }

  /**
   * After a break the library asks again from behind the revision in the last header. That is where etcd was, and not
   * where this watch was: while it is told the past, everything between the two would be lost.
   */
  #resumeFromHere(watcher: Watcher): void {
    watcher.request.start_revision = String(this.#revision + 1);
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The first batch, empty or not, says that the watch stands. */
  async *batches(): AsyncGenerator<WatchBatch> {
    let told = false;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return;
      const events = this.#events;
      this.#events = [];
      if (events.length > 0 || (this.#connected && !told)) {
        told = true;
        yield { events, revision: this.#revision };
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #take(response: IWatchResponse): void {
    for (const event of response.events) this.#events.push(this.#decode(event));
    const last = response.events.at(-1);
    if (last !== undefined) this.#revision = Number(last.kv.mod_revision);
    if (this.#events.length > LIMITS.watchQueueEvents) {
      this.#fail(
        new AmphoraError(
          'Expired',
          `the watch was more than ${LIMITS.watchQueueEvents} events behind and was ended: list again`,
        ),
      );
    }
    this.#wake();
  }

  #decode({ type, kv, prev_kv }: IWatchResponse['events'][number]): StoreEvent {
    const previous = prev_kv === undefined || prev_kv === null ? undefined : prev_kv.value;
    const common = {
      key: this.#watch.decode(kv),
      revision: Number(kv.mod_revision),
      ...(previous === undefined ? {} : { previous }),
    };
    return type === 'Put'
      ? { type: 'put', ...common, bytes: kv.value }
      : { type: 'delete', ...common, bytes: previous ?? Buffer.alloc(0) };
  }

  #fail(error: AmphoraError): void {
    this.#failure ??= error;
    this.#events = [];
    this.#wake();
  }
}
