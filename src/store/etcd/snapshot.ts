import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { allObjectsRange } from '../layout.ts';
import type { StoreSnapshot } from '../snapshot.ts';
import type { StoredObject } from '../store.ts';
import type { EtcdConnection } from './connection.ts';
import type { KeyValue } from './messages.ts';
import type { EtcdSpace } from './space.ts';

/** Below etcd's limit of 128 operations in a transaction. */
const READ_AT_ONCE = 100;

/** The store in etcd at its newest revision; servers may go on writing. */
export async function takeEtcdSnapshot(
  connection: EtcdConnection,
  space: EtcdSpace,
  signal: AbortSignal,
): Promise<StoreSnapshot> {
  const { index, revision } = await indexOf(connection, space, signal);
  return {
    source: 'etcd',
    revision: space.fromEtcd(revision),
    count: index.length,
    newestObject: space.fromEtcd(index.at(-1)?.modRevision ?? 0),
    objects: (reading) => readObjects(connection, { space, index, revision, signal: reading }),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Keys by revision, all as of one. */
async function indexOf(connection: EtcdConnection, space: EtcdSpace, signal: AbortSignal) {
  const { start, end } = allObjectsRange();
  const index: KeyValue[] = [];
  let revision: number | undefined;
  for (let key = space.key(start); ; ) {
    const at = revision === undefined ? {} : { revision };
    const request = { key, rangeEnd: space.key(end), limit: LIMITS.etcdIndexKeys, keysOnly: true, ...at };
    const answer = await connection.range(request, signal);
    revision ??= answer.revision;
    index.push(...answer.kvs);
    const last = answer.kvs.at(-1)?.key;
    if (!answer.more || last === undefined) break;
    key = Buffer.concat([last, Buffer.of(0)]);
  }
  return { revision, index: index.sort((a, b) => a.modRevision - b.modRevision) };
}

async function* readObjects(
  connection: EtcdConnection,
  reading: {
    readonly space: EtcdSpace;
    readonly index: readonly KeyValue[];
    readonly revision: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<StoredObject> {
  const { space, index, revision, signal } = reading;
  for (let from = 0; from < index.length; from += READ_AT_ONCE) {
    const success = index
      .slice(from, from + READ_AT_ONCE)
      .map(({ key }) => ({ range: { key, revision } }) as const);
    const { responses } = await connection.repeatableTxn({ compare: [], success, failure: [] }, signal);
    for (const [found] of responses) {
      if (found === undefined)
        throw new AmphoraError('Corrupt', 'an object is missing in the middle of a snapshot');
      yield space.object(found);
    }
  }
}
