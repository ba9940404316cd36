import { type RootDatabase, type RootDatabaseOptionsWithPath, open as reallyOpen } from 'lmdb';

/** Stands in for `lmdb` in the guest: below a directory `careless` it does not flush, elsewhere it changes nothing. */
export function open(options: RootDatabaseOptionsWithPath): RootDatabase<Buffer, Buffer> {
  if (!options.path?.includes('/careless/')) return reallyOpen<Buffer, Buffer>(options);
  return reallyOpen<Buffer, Buffer>({ ...options, noSync: true });
}
