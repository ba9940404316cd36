import { AmphoraError } from '../../lib/errors.ts';
import { MIB } from '../../lib/limits.ts';
import { allObjectsRange, encodeNumber } from '../layout.ts';
import type { StoredObject } from '../store.ts';
import type { EtcdConnection } from './connection.ts';
import type { EtcdSpace } from './space.ts';

/** Below etcd's limits: 128 operations and 1.5 MiB in one request. */
const BATCH_OBJECTS = 100;
const BATCH_BYTES = MIB;

export interface LoadOptions {
  /** Every new revision is above it. */
  readonly floor: number;
  /** Whether what is there may be replaced. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes the store in etcd hold these objects, in order of revision, and nothing else. Etcd numbers them itself; a base
 * that is added to its numbers puts them above the floor. A mark keeps servers from a store that is half loaded.
 * @throws Conflict when there are objects and `force` is not said
 */
export async function loadEtcd(
  connection: EtcdConnection,
  space: EtcdSpace,
  { objects, floor, force, signal }: LoadOptions & { readonly objects: AsyncIterable<StoredObject> },
): Promise<{ readonly revision: number }> {
  const range = allObjectsRange();
  const [start, end] = [space.key(range.start), space.key(range.end)];
  const there = await connection.range({ key: start, rangeEnd: end, limit: 1, keysOnly: true }, signal);
  if (there.count > 0 && !force)
    throw new AmphoraError('Conflict', `the store in etcd has ${there.count} objects: --force replaces them`);
  space.setBase(Math.max(space.base, floor - there.revision));
  const loading = space.metaKey('loading');
  const begin = [
    { put: loading, value: Buffer.alloc(0) },
    { put: space.metaKey('base'), value: encodeNumber(space.base) },
    { delete: start, rangeEnd: end },
  ];
  await connection.txn({ compare: [], success: begin, failure: [] }, signal);
  for await (const batch of batches(objects)) {
    const puts = batch.map(({ key, bytes }) => ({ put: space.objectKey(key), value: bytes }));
    await connection.txn({ compare: [], success: puts, failure: [] }, signal);
  }
  const { revision } = await connection.txn(
    { compare: [], success: [{ delete: loading }], failure: [] },
    signal,
  );
  // What clients knew from before is not in this history: their watches must end, and they list again.
  await connection.compact(revision, signal);
  return { revision: space.fromEtcd(revision) };
}

/** Objects of one revision stay together, those of two may get one: the order is kept. */
async function* batches(objects: AsyncIterable<StoredObject>): AsyncGenerator<readonly StoredObject[]> {
  let batch: StoredObject[] = [];
  let bytes = 0;
  for await (const object of objects) {
    if (batch.length >= BATCH_OBJECTS || (batch.length > 0 && bytes + object.bytes.length > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(object);
    bytes += object.bytes.length;
  }
  if (batch.length > 0) yield batch;
}
