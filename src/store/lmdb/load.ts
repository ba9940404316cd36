import { chmod, chown, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AmphoraError } from '../../lib/errors.ts';
import { encodeNumber, encodeObject, metaKey, objectKey } from '../layout.ts';
import { Renumbering } from '../snapshot.ts';
import type { StoredObject } from '../store.ts';
import { openDatabase } from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import { openLmdbSnapshot } from './snapshot.ts';

const BATCH_OBJECTS = 1000;

export interface LoadOptions {
  /** Every new revision is above it, and above every one that the store had. */
  readonly floor: number;
  /** Whether what is there may be replaced. */
  readonly force: boolean;
}

/**
 * Makes the store in `directory` hold these objects, in order of revision, and nothing else. It is made beside the old
 * one and put in its place when it is whole.
 * @throws Conflict when there are objects and `force` is not said; Unavailable when a server has it open
 */
export async function loadLmdb(
  directory: string,
  objects: AsyncIterable<StoredObject>,
  { floor, force }: LoadOptions,
): Promise<{ readonly revision: number }> {
  const parent = dirname(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using _lock = await lockDirectory(directory);
  const before = await whatIsThere(directory);
  if (before.count > 0 && !force)
    throw new AmphoraError(
      'Conflict',
      `the store in ${directory} has ${before.count} objects: --force replaces them`,
    );
  const fresh = `${directory}.${process.pid}.new`;
  try {
    await mkdir(fresh, { mode: 0o700 });
    const revision = await fill(fresh, objects, Math.max(floor, before.revision));
    await ownAs(parent, fresh);
    const old = `${directory}.${process.pid}.old`;
    await rename(directory, old);
    await rename(fresh, directory);
    await rm(old, { recursive: true });
    return { revision };
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

async function whatIsThere(
  directory: string,
): Promise<{ readonly count: number; readonly revision: number }> {
  try {
    await using snapshot = await openLmdbSnapshot(directory);
    return { count: snapshot.count, revision: snapshot.revision };
  } catch (error) {
    if (error instanceof AmphoraError && error.code === 'NotFound') return { count: 0, revision: 0 };
    throw error;
  }
}

/** @returns the store's revision: everything before it counts as compacted, since no event is kept */
async function fill(directory: string, objects: AsyncIterable<StoredObject>, floor: number): Promise<number> {
  const database = await openDatabase(directory);
  const numbers = new Renumbering(floor);
  try {
    let batch: StoredObject[] = [];
    const write = () =>
      database.transaction(() => {
        for (const { key, bytes, revision } of batch)
          void database.put(objectKey(key), encodeObject(numbers.of(revision), bytes));
        batch = [];
      });
    for await (const object of objects) if (batch.push(object) >= BATCH_OBJECTS) await write();
    await write();
    const revision = numbers.newest + 1;
    await database.transaction(() => {
      void database.put(metaKey('revision'), encodeNumber(revision));
      void database.put(metaKey('compacted'), encodeNumber(revision));
    });
    return revision;
  } finally {
    await database.close();
  }
}

/** Root writes for the server's user, whose directory the parent is. */
async function ownAs(parent: string, directory: string): Promise<void> {
  const { uid, gid } = await stat(parent);
  for (const path of [directory, `${directory}/data.mdb`, `${directory}/data.mdb-lock`]) {
    if (process.getuid?.() === 0) await chown(path, uid, gid);
  }
  await chmod(directory, 0o700);
}
