import { AmphoraError } from '../../lib/errors.ts';
import { expired } from '../conflict.ts';
import { isObjectKey, keyOfObject, type MetaName, metaKey, objectKey, wholeRange } from '../layout.ts';
import type { StoredObject, StoreEvent, StoreKey } from '../store.ts';
import type { EtcdEvent, KeyValue } from './messages.ts';

/** The store's own keys and revisions in etcd's: each key behind a prefix, each revision that of etcd plus a base. */
export class EtcdSpace {
  readonly #prefix: Buffer;
  /** What came over from another store had revisions already: those given out here must be above them. */
  #base = 0;
  #isReplaced = false;

  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix);
  }

  get base(): number {
    return this.#base;
  }

  setBase(base: number): void {
    this.#base = base;
  }

  /** Whether this change begins to load the store anew, by a restore or migration beside this server. */
  isReplacing({ type, kv }: EtcdEvent): boolean {
    return type === 'put' && kv.key.equals(this.metaKey('loading'));
  }

  /** What this process knows of the store is no longer so. */
  replaced(): void {
    this.#isReplaced = true;
  }

  /** @throws Unavailable after {@link EtcdSpace.replaced} */
  mustBeCurrent(): void {
    if (this.#isReplaced)
      throw new AmphoraError(
        'Unavailable',
        'the store in etcd was replaced while this server ran: start the server again',
      );
  }

  fromEtcd(revision: number): number {
    return revision + this.#base;
  }

  /** @throws Expired for a revision from before everything etcd has. */
  toEtcd(revision: number): number {
    if (revision <= this.#base) throw expired(revision, this.#base + 1);
    return revision - this.#base;
  }

  key(key: Buffer): Buffer {
    return Buffer.concat([this.#prefix, key]);
  }

  metaKey(name: MetaName): Buffer {
    return this.key(metaKey(name));
  }

  objectKey(key: StoreKey): Buffer {
    return this.key(objectKey(key));
  }

  whole(): { readonly start: Buffer; readonly end: Buffer } {
    const { start, end } = wholeRange();
    return { start: this.key(start), end: this.key(end) };
  }

  object(kv: KeyValue): StoredObject {
    return {
      key: keyOfObject(kv.key.subarray(this.#prefix.length)),
      bytes: kv.value,
      revision: this.fromEtcd(kv.modRevision),
    };
  }

  /** Undefined for what is no object: the store's own notes. */
  event({ type, kv, previous }: EtcdEvent): StoreEvent | undefined {
    if (!isObjectKey(kv.key.subarray(this.#prefix.length))) return undefined;
    const { key, bytes, revision } = this.object(kv);
    const before = previous === undefined ? {} : { previous: previous.value };
    return type === 'put'
      ? { type, key, revision, bytes, ...before }
      : { type, key, revision, bytes: previous?.value ?? Buffer.alloc(0), ...before };
  }
}
