import { customDefaults } from '../../api/custom/defaults.ts';
import type { CustomFacts } from '../../api/custom/facts.ts';
import { prune } from '../../api/custom/prune.ts';
import { type ApiObject, apiVersionOf, type Kind, qualifiedResource } from '../../api/kind.ts';
import { LIMITS, SECOND_MS } from '../../lib/limits.ts';
import type { Change, Store, StoredObject, StoreEvent, WatchBatch } from '../../store/store.ts';
import { encodeObject } from '../object-bytes.ts';
import type { Convert } from './convert.ts';

/**
 * The store as one version of a custom kind sees it: what is read is in that version and as its schema is now, what
 * is written goes in as the version that is stored. Everything in front of it knows only the version asked for.
 * Bytes that are in order already, as nearly all are, go through untouched.
 */
export function customStore(
  store: Store,
  kind: Kind & { readonly custom: CustomFacts },
  convert: Convert,
): Store {
  const view = new VersionView(kind, convert);
  const resource = qualifiedResource(kind);
  return {
    revision: (signal) => store.revision(signal),
    compact: (revision, signal) => store.compact(revision, signal),
    close: () => store.close(),
    async get(key, options) {
      const found = await store.get(key, options);
      if (found === undefined || key.resource !== resource || view.isInOrder(found)) return found;
      const [bytes = found.bytes] = await view.read([found], options.signal);
      return { ...found, bytes };
    },
    async list(range, options) {
      const page = await store.list(range, options);
      if (range.resource !== resource || page.items.every((item) => view.isInOrder(item))) return page;
      const bytes = await view.read(page.items, options.signal);
      return { ...page, items: page.items.map((item, at) => ({ ...item, bytes: bytes[at] ?? item.bytes })) };
    },
    async commit(changes, signal) {
      return await store.commit(await view.write(changes, resource, signal), signal);
    },
    watch(range, from, reader) {
      const signal = AbortSignal.any([reader.signal, kind.custom.gone]);
      if (range.resource !== resource) return store.watch(range, from, { ...reader, signal });
      // Nothing is offered: what is being converted must not be overtaken.
      return view.follow(store.watch(range, from, { signal }), signal);
    },
  };
}

type Bytes = Pick<StoredObject, 'bytes' | 'revision'>;

class VersionView {
  readonly #kind: Kind & { readonly custom: CustomFacts };
  readonly #convert: Convert;
  /** How stored bytes of the version begin. */
  readonly #head: Buffer;
  /** What was made of stored bytes, so that many readers of the same ones ask the webhook once. */
  readonly #made = new WeakMap<Buffer, Buffer>();
  readonly #making = new WeakMap<Buffer, Promise<void>>();

  constructor(kind: Kind & { readonly custom: CustomFacts }, convert: Convert) {
    this.#kind = kind;
    this.#convert = convert;
    this.#head = Buffer.from(`{"kind":${JSON.stringify(kind.kind)},"apiVersion":"${apiVersionOf(kind)}"`);
  }

  isInOrder({ bytes, revision }: Bytes): boolean {
    return revision > this.#kind.custom.since && this.#isOwn(bytes);
  }

  #isOwn(bytes: Buffer): boolean {
    const { length } = this.#head;
    return bytes.length > length && bytes.compare(this.#head, 0, length, 0, length) === 0;
  }

  /** The bytes of each in this version and as the schema is now. */
  async read(items: readonly Bytes[], signal: AbortSignal): Promise<readonly Buffer[]> {
    const wanted = items.filter((item) => !this.isInOrder(item)).map(({ bytes }) => bytes);
    const fresh = [...new Set(wanted)].filter((bytes) => !this.#made.has(bytes));
    const others = fresh.filter((bytes) => !this.#isOwn(bytes));
    for (const bytes of fresh) if (this.#isOwn(bytes)) this.#keep(bytes, this.#inLine(parse(bytes)));
    if (others.length > 0) await untilAborted(this.#convertAll(others), signal);
    return items.map((item) =>
      this.isInOrder(item) ? item.bytes : (this.#made.get(item.bytes) ?? item.bytes),
    );
  }

  /** Many who want the same bytes at once wait for one answer; no one of them can give it up for the others. */
  async #convertAll(stored: readonly Buffer[]): Promise<void> {
    const idle = stored.filter((bytes) => !this.#making.has(bytes));
    for (const batch of batchesOf(idle)) {
      const making = this.#convertBatch(batch).finally(() => {
        for (const bytes of batch) this.#making.delete(bytes);
      });
      making.catch(() => {}); // Whoever waits for it hears of it.
      for (const bytes of batch) this.#making.set(bytes, making);
    }
    await Promise.all(new Set(stored.map((bytes) => this.#making.get(bytes))));
  }

  async #convertBatch(batch: readonly Buffer[]): Promise<void> {
    const { version } = this.#kind;
    const objects = batch.map((bytes) => this.#inLine(parse(bytes)));
    const signal = AbortSignal.timeout(LIMITS.conversionSeconds * SECOND_MS);
    const converted = await this.#convert(objects, version, signal);
    for (const [at, bytes] of batch.entries()) {
      const object = converted[at];
      if (object !== undefined) this.#keep(bytes, this.#pruned(object, version));
    }
  }

  /** By the schema of the version the object is stored in: before it is converted, as upstream does. */
  #inLine(object: ApiObject): ApiObject {
    const version = object.apiVersion.split('/').at(-1) ?? '';
    const kept = this.#pruned(object, version);
    const root = this.#kind.custom.versions.get(version) ?? this.#kind.custom.root;
    return customDefaults(root, kept) as ApiObject; // It keeps what it does not fill in.
  }

  #pruned(object: ApiObject, version: string): ApiObject {
    const { root, versions, meta } = this.#kind.custom;
    return prune(versions.get(version) ?? root, object, meta).value as ApiObject; // Still an object of the kind.
  }

  #keep(stored: Buffer, object: ApiObject): void {
    const bytes = encodeObject(object);
    this.#made.set(stored, bytes.equals(stored) ? stored : bytes);
  }

  async write(changes: readonly Change[], resource: string, signal: AbortSignal): Promise<readonly Change[]> {
    const { version, storageVersion } = this.#kind;
    if (version === storageVersion) return changes;
    return await Promise.all(
      changes.map(async (change) => {
        if (change.bytes === undefined || change.key.resource !== resource) return change;
        const [object] = await this.#convert([parse(change.bytes)], storageVersion, signal);
        if (object === undefined) return change;
        return { ...change, bytes: encodeObject(this.#inLine(object)) };
      }),
    );
  }

  async *follow(batches: AsyncIterable<WatchBatch>, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    for await (const batch of batches) {
      const all = batch.events.flatMap((event) => bytesOf(event));
      if (all.every((item) => this.isInOrder(item))) yield batch;
      else {
        await this.read(all, signal);
        yield { ...batch, events: batch.events.map((event) => this.#seen(event)) };
      }
    }
  }

  #seen(event: StoreEvent): StoreEvent {
    const { revision, previous } = event;
    const now = (bytes: Buffer) =>
      this.isInOrder({ bytes, revision }) ? bytes : (this.#made.get(bytes) ?? bytes);
    const seen = { ...event, bytes: now(event.bytes) };
    return previous === undefined ? seen : { ...seen, previous: now(previous) };
  }
}

/** What was before is of an older revision, but not older than what it was replaced by needs to be. */
function bytesOf({ bytes, previous, revision }: StoreEvent): Bytes[] {
  return previous === undefined
    ? [{ bytes, revision }]
    : [
        { bytes, revision },
        { bytes: previous, revision },
      ];
}

/** No more at once than a webhook can be asked to hold. */
function batchesOf(stored: readonly Buffer[]): readonly (readonly Buffer[])[] {
  const batches: Buffer[][] = [];
  let size = 0;
  for (const bytes of stored) {
    const last = batches.at(-1);
    size += bytes.length;
    if (last !== undefined && size <= LIMITS.conversionBytes) last.push(bytes);
    else {
      batches.push([bytes]);
      size = bytes.length;
    }
  }
  return batches;
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function parse(bytes: Buffer): ApiObject {
  return JSON.parse(bytes.toString('utf8')) as ApiObject; // We encoded it from one.
}
