import { chmod, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { AmphoraError } from '../../lib/errors.ts';
import { MIB } from '../../lib/limits.ts';
import { decodeNumber, encodeNumber, FORMAT, metaKey } from '../layout.ts';

/**
 * A change of an object of some KiB fits into one page: one that takes several must find them side by side, and among
 * what compactions left free that search is longer with each of them. Of new files; others keep their own.
 */
const PAGE_BYTES = 16_384;

/** Free space below which a failed write is put down to a full disk. */
const NEARLY_FULL_BYTES = 16 * MIB;

export type Database = RootDatabase<Buffer, Buffer>;

export const DATABASE_OPTIONS = {
  noSubdir: true,
  encoding: 'binary',
  keyEncoding: 'binary',
  overlappingSync: false,
  pageSize: PAGE_BYTES,
  compression: false,
  maxReaders: 32,
  commitDelay: 0,
  // Batching by event turn makes promises of its own, which nobody could catch when a disk is full.
  eventTurnBatching: false,
} as const;

export interface StoreFiles {
  readonly database: Database;
  readonly directory: string;
}

/**
 * Opens the files of a store in `directory`, which is there and locked, making them on first use.
 *
 * `overlappingSync: false` is what makes a resolved transaction durable: LMDB then writes its pages, calls fdatasync,
 * and only then writes the meta page with O_DSYNC, all before the promise resolves. With lmdb-js's default a
 * transaction is visible, and its promise resolved, while the flush is still under way.
 * @throws HostLacks for files of a newer format.
 */
export async function openDatabase(directory: string): Promise<Database> {
  const path = join(directory, 'data.mdb');
  const database = open<Buffer, Buffer>({ ...DATABASE_OPTIONS, path });
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
export async function databaseError(thrown: unknown, directory: string): Promise<AmphoraError> {
  const error = await causeOf(thrown);
  const text = error instanceof Error ? error.message : String(error);
  const full = /No space left|MDB_MAP_FULL|Disk quota/i.test(text);
  if (!full && !(/Input\/output error/i.test(text) && (await isNearlyFull(directory))))
    return AmphoraError.during('writing to the store', error);
  return new AmphoraError(
    'OutOfSpace',
    'the disk of the store is full, nothing was written: free some space and try again',
    { cause: error },
  );
}

/** A write that found room for a part of it is an input/output error to LMDB, as one on a broken disk is. */
async function isNearlyFull(directory: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize < NEARLY_FULL_BYTES;
}

/** lmdb-js rejects with a note; the reason is in a second promise, which ends the process if nobody catches it. */
async function causeOf(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error) || !('commitError' in thrown)) return thrown;
  try {
    await thrown.commitError;
    return thrown;
  } catch (cause) {
    return cause;
  }
}
