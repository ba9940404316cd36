import { openLmdbStore } from '../../src/store/lmdb.ts';

/** Writes objects to the store in the folder it is given, each told of on standard output once it is acknowledged, until it is killed. */
const [folder = ''] = process.argv.slice(2);
const store = await openLmdbStore(folder);
const signal = AbortSignal.timeout(30_000);
for (let name = 0; !signal.aborted; name += 1) {
  const key = { resource: 'things', namespace: '', name: `${name}` };
  const { revision } = await store.commit([{ key, bytes: Buffer.alloc(3000) }], signal);
  process.stdout.write(`${name} ${revision}\n`);
}
