import { NO_ETCD, startEtcd } from '../../test/conformance/etcd-server.ts';
import { Child } from './child.ts';
import { type Context, OBJECT_BYTES } from './context.ts';

/** What the stores do with the same values and nothing before them. */
export async function measureFloors(context: Context): Promise<void> {
  if (!context.isWanted('floor')) return;
  for (const clients of [1, 16, 64]) {
    const what = `bare LMDB store, commits, ${clients} at once`;
    context.options.note(what);
    await using child = new Child('store-floor.ts');
    const samples = await child.ask<number[]>({ clients, bytes: OBJECT_BYTES });
    context.add({ id: `floor.lmdb.${clients}`, what, unit: '/s', samples });
  }
  if (NO_ETCD !== undefined) {
    context.leaveOut('floor.etcd', 'bare etcd, puts', NO_ETCD);
    return;
  }
  await using etcd = await startEtcd();
  for (const clients of [1, 16, 64]) {
    const what = `bare etcd, puts, ${clients} at once`;
    context.options.note(what);
    await using child = new Child('store-floor.ts');
    const samples = await child.ask<number[]>({ clients, bytes: OBJECT_BYTES, etcd: etcd.endpoint });
    context.add({ id: `floor.etcd.${clients}`, what, unit: '/s', samples });
  }
}
