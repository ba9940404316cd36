import { type Clock, systemClock } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { checkExpected, checkSizes } from './conflict.ts';
import { runCompactor } from './etcd/compactor.ts';
import { EtcdConnection, type EtcdEndpoints } from './etcd/connection.ts';
import { EtcdFeed } from './etcd/feed.ts';
import type { Compare, Operation } from './etcd/messages.ts';
import { EtcdSpace } from './etcd/space.ts';
import { decodeNumber, encodeNumber, FORMAT, objectRange } from './layout.ts';
import type {
  Change,
  Committed,
  ReadOptions,
  Store,
  StoredObject,
  StoredPage,
  StoreKey,
  StoreRange,
  WatchBatch,
  WatchRange,
  WatchReader,
} from './store.ts';

/** The oldest etcd whose transactions and watches are as we need them. */
const OLDEST = [3, 4] as const;

/** No revision: a change made from a state that etcd never had meets a conflict. */
const NEVER = Number.MAX_SAFE_INTEGER;

export interface EtcdOptions extends EtcdEndpoints {
  /** Before every key, so that an etcd can be shared: `/amphora/`. */
  readonly prefix: string;
  readonly clock?: Clock;
  /** Milliseconds between compactions; `LIMITS.etcdCompactMs` where left out. */
  readonly compactEveryMs?: number;
}

/**
 * The store of several servers, in etcd (3.4 and newer). Revisions are etcd's own, reads are quorum reads, and all
 * watches of a process share one of etcd's. While etcd is away calls fail with Unavailable or Timeout.
 * @throws Unavailable when no endpoint answers; HostLacks for an older etcd or data of a newer format.
 */
export async function connectEtcdStore(options: EtcdOptions): Promise<Store> {
  const { clock = systemClock } = options;
  const connection = new EtcdConnection(options, clock);
  try {
    const signal = AbortSignal.timeout(LIMITS.storeCallMs);
    const space = await openSpace(connection, options, signal);
    return new EtcdStore({
      connection,
      space,
      clock,
      everyMs: options.compactEveryMs ?? LIMITS.etcdCompactMs,
    });
  } catch (error) {
    connection.close();
    throw AmphoraError.during(`connecting to etcd at ${options.endpoints.join(', ')}`, error);
  }
}

/** The store's place in etcd, made on first use. @param loading to load it anew, so that a half loaded one is no obstacle */
export async function openSpace(
  connection: EtcdConnection,
  { prefix, loading = false }: { readonly prefix: string; readonly loading?: boolean },
  signal: AbortSignal,
): Promise<EtcdSpace> {
  checkVersion(await connection.version(signal));
  const space = new EtcdSpace(prefix);
  const key = space.metaKey('format');
  const { succeeded, responses } = await connection.repeatableTxn(
    {
      compare: [{ key, target: 'version', value: 0 }],
      success: [{ put: key, value: encodeNumber(FORMAT) }],
      failure: [key, space.metaKey('base'), space.metaKey('loading')].map((one) => ({ range: { key: one } })),
    },
    signal,
  );
  if (succeeded) return space;
  const format = decodeNumber(responses[0]?.[0]?.value);
  if (format > FORMAT)
    throw new AmphoraError(
      'HostLacks',
      `the store in etcd has format ${format}, and this Amphora knows ${FORMAT}: install the newer Amphora again`,
    );
  if (responses[2]?.[0] !== undefined && !loading)
    throw new AmphoraError(
      'Unavailable',
      'a restore or migration into etcd is under way or was cut off: let it end, or run it again with --force',
    );
  space.setBase(decodeNumber(responses[1]?.[0]?.value));
  return space;
}

function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new AmphoraError(
    'HostLacks',
    `etcd ${version} is too old: install etcd ${OLDEST.join('.')} or newer`,
  );
}

interface EtcdParts {
  readonly connection: EtcdConnection;
  readonly space: EtcdSpace;
  readonly clock: Clock;
  readonly everyMs: number;
}

class EtcdStore implements Store {
  readonly #connection: EtcdConnection;
  readonly #space: EtcdSpace;
  readonly #feed: EtcdFeed;
  readonly #closed = new AbortController();
  readonly #compactor: Promise<void>;

  constructor(parts: EtcdParts) {
    this.#connection = parts.connection;
    this.#space = parts.space;
    this.#feed = new EtcdFeed(parts);
    this.#compactor = runCompactor(parts, this.#closed.signal);
  }

  async revision(signal: AbortSignal): Promise<number> {
    this.#space.mustBeCurrent();
    const key = this.#space.metaKey('format');
    return this.#space.fromEtcd((await this.#connection.range({ key, keysOnly: true }, signal)).revision);
  }

  async get(key: StoreKey, { revision, signal }: ReadOptions): Promise<StoredObject | undefined> {
    this.#space.mustBeCurrent();
    const at = revision === undefined ? {} : { revision: this.#space.toEtcd(revision) };
    const { kvs } = await this.#connection.range({ key: this.#space.objectKey(key), ...at }, signal);
    return kvs[0] === undefined ? undefined : this.#space.object(kvs[0]);
  }

  /** Some at a time, all at the revision of the first: an answer with all would hold up every other on the connection. */
  async list(range: StoreRange, { revision, signal }: ReadOptions): Promise<StoredPage> {
    this.#space.mustBeCurrent();
    const { start, end } = objectRange(range);
    const wanted = range.limit ?? Number.POSITIVE_INFINITY;
    const items: StoredObject[] = [];
    let at = revision === undefined ? undefined : this.#space.toEtcd(revision);
    for (let key = this.#space.key(start); ; ) {
      const limit = Math.min(wanted - items.length, LIMITS.etcdPageObjects);
      const request = {
        key,
        rangeEnd: this.#space.key(end),
        limit,
        ...(at === undefined ? {} : { revision: at }),
      };
      const answer = await this.#connection.range(request, signal);
      at ??= answer.revision;
      for (const kv of answer.kvs) items.push(this.#space.object(kv));
      const last = answer.kvs.at(-1)?.key;
      if (!answer.more || last === undefined || items.length >= wanted) {
        const remaining = Math.max(0, answer.count - answer.kvs.length);
        return { items, revision: this.#space.fromEtcd(at), more: answer.more, remaining };
      }
      key = Buffer.concat([last, Buffer.of(0)]);
    }
  }

  async commit(changes: readonly Change[], signal: AbortSignal): Promise<Committed> {
    this.#space.mustBeCurrent();
    checkSizes(changes);
    const expecting = changes.filter((change) => change.expected !== undefined);
    const { succeeded, revision, responses } = await this.#connection.txn(
      {
        compare: expecting.map((change) => this.#compare(change)),
        success: changes.map((change) => this.#operation(change)),
        failure: expecting.map(({ key }) => ({ range: { key: this.#space.objectKey(key), keysOnly: true } })),
      },
      signal,
    );
    if (!succeeded) {
      for (const [index, change] of expecting.entries()) {
        const found = responses[index]?.[0]?.modRevision;
        checkExpected(change, found === undefined ? 0 : this.#space.fromEtcd(found));
      }
    }
    return { revision: this.#space.fromEtcd(revision) };
  }

  watch(range: WatchRange, fromRevision: number, reader: WatchReader): AsyncIterable<WatchBatch> {
    return this.#feed.watch(range, fromRevision, reader);
  }

  async compact(revision: number, signal: AbortSignal): Promise<void> {
    if (revision <= this.#space.base) return;
    await this.#feed.forget(revision);
    await this.#connection.compact(this.#space.toEtcd(revision), signal).catch((error: unknown) => {
      if (!isCode(error, 'Expired')) throw error; // Another server was faster, and went further.
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.all([this.#feed.close(), this.#compactor]);
    this.#connection.close();
  }

  #compare({ key, expected = 0 }: Change): Compare {
    const value = expected === 0 ? 0 : expected > this.#space.base ? this.#space.toEtcd(expected) : NEVER;
    return { key: this.#space.objectKey(key), target: 'mod', value };
  }

  #operation({ key, bytes }: Change): Operation {
    const path = this.#space.objectKey(key);
    return bytes === undefined ? { delete: path } : { put: path, value: bytes };
  }
}
