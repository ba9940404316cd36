import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { AmphoraError } from '../../lib/errors.ts';
import { decodeNumber, encodeNumber, FORMAT, metaKey } from '../layout.ts';

export type Database = RootDatabase<Buffer, Buffer>;

/**
 * Opens the files of a store in `directory`, making them on first use.
 *
 * `overlappingSync: false` is what makes a resolved transaction durable: LMDB then writes its pages, calls fdatasync,
 * and only then writes the meta page with O_DSYNC, all before the promise resolves. With lmdb-js's default a
 * transaction is visible, and its promise resolved, while the flush is still under way.
 * @throws HostLacks for files of a newer format.
 */
export async function openDatabase(directory: string): Promise<Database> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const path = join(directory, 'data.mdb');
  const database = open<Buffer, Buffer>({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    compression: false,
    maxReaders: 32,
    commitDelay: 0,
  });
  await Promise.all([path, `${path}-lock`].map((file) => chmod(file, 0o600)));
  try {
    await checkFormat(database, directory);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

async function checkFormat(database: Database, directory: string): Promise<void> {
  const format = decodeNumber(database.get(metaKey('format')));
  if (format === 0) await database.put(metaKey('format'), encodeNumber(FORMAT));
  else if (format > FORMAT) {
    const message = `the store in ${directory} has format ${format}, and this Amphora knows ${FORMAT}: install the newer Amphora again`;
    throw new AmphoraError('HostLacks', message);
  }
}

/** An error of LMDB in our words; nothing of the transaction was written. */
export function databaseError(error: unknown): AmphoraError {
  const text = error instanceof Error ? error.message : String(error);
  if (/No space left|MDB_MAP_FULL|ENOSPC|Disk quota/i.test(text)) {
    return new AmphoraError(
      'OutOfSpace',
      'the disk of the store is full, nothing was written: free some space and try again',
      { cause: error },
    );
  }
  return AmphoraError.during('writing to the store', error);
}
