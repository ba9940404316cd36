import { Etcd3, type ICompare, type IKeyValue, type IRangeResponse, type IRequestOp } from 'etcd3';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { checkExpected, checkSizes } from './conflict.ts';
import { etcdError } from './etcd/errors.ts';
import { watchEtcd } from './etcd/watch.ts';
import {
  decodeNumber,
  encodeNumber,
  FORMAT,
  keyOfObject,
  metaKey,
  objectKey,
  objectRange,
} from './layout.ts';
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
} from './store.ts';

export interface EtcdOptions {
  /** `https://10.0.0.1:2379`, … */
  readonly endpoints: readonly string[];
  /** PEM. */
  readonly tls?: { readonly ca: Buffer; readonly certificate: Buffer; readonly key: Buffer };
  /** Before every key, so that an etcd can be shared: `/amphora/`. */
  readonly prefix: string;
}

/**
 * The store of several machines, in etcd (3.4 and newer). Revisions are etcd's own; reads are quorum reads.
 * @throws Unavailable when no endpoint answers; HostLacks for data of a newer format.
 */
export async function connectEtcdStore(options: EtcdOptions): Promise<Store> {
  const { tls, endpoints } = options;
  const client = new Etcd3({
    hosts: [...endpoints],
    defaultCallOptions: () => ({ deadline: Date.now() + LIMITS.storeCallMs }),
    ...(tls === undefined
      ? {}
      : { credentials: { rootCertificate: tls.ca, certChain: tls.certificate, privateKey: tls.key } }),
  });
  const store = new EtcdStore(client, Buffer.from(options.prefix));
  try {
    await store.checkFormat(endpoints);
  } catch (error) {
    client.close();
    throw error;
  }
  return store;
}

class EtcdStore implements Store {
  readonly #client: Etcd3;
  readonly #prefix: Buffer;

  constructor(client: Etcd3, prefix: Buffer) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async checkFormat(endpoints: readonly string[]): Promise<void> {
    const key = this.#key(metaKey('format'));
    const create: ICompare[] = [{ key, target: 'Create', result: 'Equal', create_revision: '0' }];
    const answer = await this.#ask(`connecting to etcd at ${endpoints.join(', ')}`, () =>
      this.#client.kv.txn({
        compare: create,
        success: [{ request_put: { key, value: encodeNumber(FORMAT) } }],
        failure: [{ request_range: { key } }],
      }),
    );
    const [found] = answer.responses[0]?.response_range?.kvs ?? [];
    const format = found === undefined ? FORMAT : decodeNumber(found.value);
    if (format > FORMAT)
      throw new AmphoraError(
        'HostLacks',
        `the store in etcd has format ${format}, and this Amphora knows ${FORMAT}: install the newer Amphora again`,
      );
  }

  async revision(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const answer = await this.#ask('reading from etcd', () =>
      this.#client.kv.range({ key: this.#key(metaKey('format')), keys_only: true }),
    );
    return Number(answer.header.revision);
  }

  async get(key: StoreKey, { revision, signal }: ReadOptions): Promise<StoredObject | undefined> {
    signal.throwIfAborted();
    const at = revision === undefined ? {} : { revision: String(revision) };
    const answer = await this.#ask('reading from etcd', () =>
      this.#client.kv.range({ key: this.#key(objectKey(key)), ...at }),
    );
    const [found] = answer.kvs;
    return found === undefined ? undefined : this.#object(found);
  }

  async list(range: StoreRange, { revision, signal }: ReadOptions): Promise<StoredPage> {
    signal.throwIfAborted();
    const { start, end } = objectRange(range);
    const answer: IRangeResponse = await this.#ask('listing from etcd', () =>
      this.#client.kv.range({
        key: this.#key(start),
        range_end: this.#key(end),
        ...(range.limit === undefined ? {} : { limit: String(range.limit) }),
        ...(revision === undefined ? {} : { revision: String(revision) }),
      }),
    );
    return {
      items: answer.kvs.map((kv) => this.#object(kv)),
      revision: revision ?? Number(answer.header.revision),
      more: answer.more,
      remaining: Number(answer.count) - answer.kvs.length,
    };
  }

  async commit(changes: readonly Change[], signal: AbortSignal): Promise<Committed> {
    signal.throwIfAborted();
    checkSizes(changes);
    const expecting = changes.filter((change) => change.expected !== undefined);
    const answer = await this.#ask('writing to etcd', () =>
      this.#client.kv.txn({
        compare: expecting.map(
          ({ key, expected }): ICompare => ({
            key: this.#key(objectKey(key)),
            target: 'Mod',
            result: 'Equal',
            mod_revision: String(expected),
          }),
        ),
        success: changes.map((change) => this.#request(change)),
        failure: expecting.map(({ key }) => ({
          request_range: { key: this.#key(objectKey(key)), keys_only: true },
        })),
      }),
    );
    if (!answer.succeeded) {
      for (const [index, change] of expecting.entries()) {
        checkExpected(change, Number(answer.responses[index]?.response_range?.kvs[0]?.mod_revision ?? 0));
      }
    }
    return { revision: Number(answer.header.revision) };
  }

  watch(range: WatchRange, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const { start } = objectRange(range);
    return watchEtcd(this.#client, {
      prefix: this.#key(start),
      fromRevision,
      signal,
      decode: (kv) => this.#objectKey(kv),
    });
  }

  async compact(revision: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#ask('compacting etcd', () =>
      this.#client.kv.compact({ revision: String(revision), physical: true }),
    ).catch((error) => {
      // Another server was faster, and went further.
      if (!(error instanceof AmphoraError && error.code === 'Expired')) throw error;
    });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #request({ key, bytes }: Change): IRequestOp {
    const path = this.#key(objectKey(key));
    return bytes === undefined
      ? { request_delete_range: { key: path } }
      : { request_put: { key: path, value: bytes } };
  }

  #key(key: Buffer): Buffer {
    return Buffer.concat([this.#prefix, key]);
  }

  #objectKey(kv: IKeyValue): StoreKey {
    return keyOfObject(kv.key.subarray(this.#prefix.length));
  }

  #object(kv: IKeyValue): StoredObject {
    return { key: this.#objectKey(kv), bytes: kv.value, revision: Number(kv.mod_revision) };
  }

  async #ask<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw etcdError(doing, error);
    }
  }
}
