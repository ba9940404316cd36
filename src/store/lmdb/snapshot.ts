import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type Transaction } from 'lmdb';
import { AmphoraError } from '../../lib/errors.ts';
import { allObjectsRange, decodeNumber, decodeObject, FORMAT, keyOfObject, metaKey } from '../layout.ts';
import type { StoreSnapshot } from '../snapshot.ts';
import type { StoredObject } from '../store.ts';
import { DATABASE_OPTIONS, type Database } from './database.ts';

/** An LMDB store read at one revision, by this process or beside the server that writes it. */
export interface LmdbSnapshot extends StoreSnapshot {
  readonly database: Database;
  readonly transaction: Transaction;
}

/**
 * A read transaction on a store's files. As long as it is open the writer takes new pages instead of freed ones, so the
 * file may grow: it is not kept longer than reading takes.
 * @throws NotFound; HostLacks for files of a newer format
 */
export async function openLmdbSnapshot(directory: string): Promise<LmdbSnapshot> {
  const path = join(directory, 'data.mdb');
  await stat(path).catch((cause: unknown) => {
    throw new AmphoraError('NotFound', `there is no store in ${directory}`, { cause });
  });
  const database: Database = open<Buffer, Buffer>({ ...DATABASE_OPTIONS, path, readOnly: true });
  const transaction = database.useReadTransaction();
  const close = async () => {
    transaction.done();
    await database.close();
  };
  const format = decodeNumber(database.get(metaKey('format'), { transaction }));
  if (format > FORMAT) {
    await close();
    throw new AmphoraError(
      'HostLacks',
      `the store in ${directory} has format ${format}, and this Amphora knows ${FORMAT}: install the newer Amphora`,
    );
  }
  const index = indexOf(database, transaction);
  return {
    source: 'lmdb',
    revision: decodeNumber(database.get(metaKey('revision'), { transaction })) || 1,
    count: index.length,
    newestObject: index.at(-1)?.revision ?? 0,
    database,
    transaction,
    objects: (signal) => readObjects(database, { transaction, index, signal }),
    [Symbol.asyncDispose]: close,
  };
}

interface Entry {
  readonly key: Buffer;
  readonly revision: number;
}

/** Keys by revision, which is small: the objects themselves stay on the disk until they are passed on. */
function indexOf(database: Database, transaction: Transaction): readonly Entry[] {
  const entries: Entry[] = [];
  for (const { key, value } of database.getRange({ ...allObjectsRange(), transaction }))
    entries.push({ key, revision: decodeNumber(value) });
  return entries.sort((a, b) => a.revision - b.revision);
}

async function* readObjects(
  database: Database,
  reading: {
    readonly transaction: Transaction;
    readonly index: readonly Entry[];
    readonly signal: AbortSignal;
  },
): AsyncGenerator<StoredObject> {
  for (const { key } of reading.index) {
    reading.signal.throwIfAborted();
    const value = database.get(key, { transaction: reading.transaction });
    if (value === undefined) throw new AmphoraError('Corrupt', `the object at ${key} is in no snapshot`);
    yield { key: keyOfObject(key), ...decodeObject(value) };
  }
}
