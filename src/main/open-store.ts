import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { AmphoraError, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import type { EtcdOptions } from '../store/etcd.ts';
import type { Store } from '../store/store.ts';
import { type EtcdConfig, etcdFilesOf, type InstanceConfig } from './instance.ts';

/** The store of a server, by its configuration. A driver is loaded only where it is used. */
export async function openStore(
  config: Pick<InstanceConfig, 'store' | 'etcd'>,
  stateDirectory: string,
  clock: Clock,
): Promise<Store> {
  if (config.store === 'memory') return (await import('../store/memory.ts')).createMemoryStore();
  if (config.store === 'lmdb')
    return await (await import('../store/lmdb.ts')).openLmdbStore(storeDirectory(stateDirectory));
  if (config.etcd === undefined)
    throw new AmphoraError('BadRequest', 'the configuration has --store etcd and no --etcd-servers');
  return await connect({ ...(await etcdOptions(config.etcd, stateDirectory)), clock });
}

/** Where the files of an embedded store are. */
export function storeDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'store');
}

/** What connects to etcd, with the files that `up` placed. */
export async function etcdOptions(
  { servers, prefix, ca, cert }: EtcdConfig,
  stateDirectory: string,
): Promise<EtcdOptions> {
  const files = etcdFilesOf(stateDirectory);
  const pair = cert === undefined ? undefined : await readPair(files);
  const authority = ca === undefined ? undefined : await readFile(files.ca);
  return {
    endpoints: servers,
    prefix,
    ...(pair === undefined && authority === undefined
      ? {}
      : { tls: { ...(authority === undefined ? {} : { ca: authority }), ...pair } }),
  };
}

async function readPair(files: { readonly cert: string; readonly key: string }) {
  const [certificate, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
  return { certificate, key };
}

/** Machines that start together start in no order: etcd may come a little later. */
async function connect(options: EtcdOptions & { readonly clock: Clock }): Promise<Store> {
  const { connectEtcdStore } = await import('../store/etcd.ts');
  const until = performance.now() + LIMITS.etcdStartMs;
  for (;;) {
    try {
      return await connectEtcdStore(options);
    } catch (error) {
      if (!isCode(error, 'Unavailable', 'Timeout') || performance.now() > until) throw error;
      await options.clock.sleep(LIMITS.etcdRetryLongestMs / 4);
    }
  }
}
