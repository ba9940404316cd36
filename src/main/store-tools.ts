import { resolve } from 'node:path';
import { apiVersionOf, qualifiedResource } from '../api/kind.ts';
import { createKindTable } from '../api/kinds.ts';
import type { StoreTools } from '../cli/platform.ts';
import { systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { openBackup, writeBackup } from '../store/backup-file.ts';
import { type CheckOptions, checkStore } from '../store/check.ts';
import type { Report, StoreSnapshot } from '../store/snapshot.ts';
import { reported } from '../store/snapshot.ts';
import { applyEtcdOptions, placeEtcdFiles } from './configure.ts';
import { type InstanceConfig, type Layout, readInstanceConfig, saveInstanceConfig } from './instance.ts';
import { etcdOptions, storeDirectory } from './open-store.ts';
import { readProcessFile } from './process-file.ts';
import { processFile } from './status.ts';
import { ensureUser } from './system-user.ts';

/**
 * How far a restore goes beyond the backup's revision: what the store gave out after the backup was taken nobody knows,
 * and none of it may be given out again. Upstream's advice for etcd is the same number.
 */
export const RESTORE_BUMP = 1_000_000_000;

/** The store of one instance as the verbs of `amphora store` treat it. */
export function createStoreTools(layout: Layout): StoreTools {
  const configured = () => mustConfigure(layout);
  return {
    backup: async (file, { signal, report }) => {
      const path = resolve(file);
      await using opened = await openSnapshot(await configured(), layout, signal);
      const { count, revision } = opened.snapshot;
      const bytes = await writeBackup(path, opened.snapshot, { signal, report });
      return { path, objects: count, revision, bytes };
    },
    restore: async (file, { force, signal, report }) => {
      const config = await configured();
      await mustBeStopped(layout);
      await using backup = await openBackup(resolve(file));
      for await (const _ of reported(backup.objects(signal), backup.count, report));
      const floor = backup.revision + RESTORE_BUMP;
      const { revision } = await load(backup, config, { layout, floor, force, signal, report });
      return { objects: backup.count, revision };
    },
    check: async (file, { signal, report }) => {
      const options = { signal, report, faultOf: kindFaults() };
      if (file !== undefined) return await checkStore(await openBackup(resolve(file)), options);
      await using opened = await openSnapshot(await configured(), layout, signal);
      return await checkStore(opened.snapshot, options);
    },
    migrate: async (wanted, { force, signal, report }) => {
      const before = await configured();
      await mustBeStopped(layout);
      const after = applyEtcdOptions({ ...before, store: wanted.to }, wanted);
      if (after.store === before.store)
        throw new AmphoraError('BadRequest', `the store is ${before.store} already`);
      await placeEtcdFiles(layout, after, await ensureUser(layout.user, layout.serverState));
      await using _alone = await lockStore(before, layout);
      await using opened = await openSnapshot(before, layout, signal);
      const { snapshot } = opened;
      const { revision } = await load(snapshot, after, {
        layout,
        floor: snapshot.revision,
        force,
        signal,
        report,
      });
      await mustBeUnchanged(opened, layout, { config: before, signal });
      await saveInstanceConfig(layout.configFile, after);
      return { objects: snapshot.count, revision };
    },
  };
}

async function mustConfigure(layout: Layout): Promise<InstanceConfig> {
  const config = await readInstanceConfig(layout.configFile);
  if (config === undefined)
    throw new AmphoraError('NotFound', `${layout.configFile} is not there: 'amphora up' makes an instance`);
  if (config.store === 'memory') throw new AmphoraError('BadRequest', 'a store in memory keeps nothing');
  return config;
}

async function mustBeStopped(layout: Layout): Promise<void> {
  if ((await readProcessFile(processFile(layout, 'server'))) !== undefined)
    throw new AmphoraError(
      'Conflict',
      "the server runs: stop it first with 'amphora down' (pods go on running)",
    );
}

/** Keeps a server from starting on the files that are read. */
async function lockStore(
  { store }: InstanceConfig,
  { serverState }: Layout,
): Promise<AsyncDisposable | null> {
  if (store !== 'lmdb') return null;
  const { lockDirectory } = await import('../store/lmdb/directory-lock.ts');
  return await lockDirectory(storeDirectory(serverState));
}

interface Opened extends AsyncDisposable {
  readonly snapshot: StoreSnapshot;
}

async function openSnapshot(
  config: InstanceConfig,
  { serverState }: Pick<Layout, 'serverState'>,
  signal: AbortSignal,
): Promise<Opened> {
  if (config.store === 'lmdb' || config.etcd === undefined) {
    const { openLmdbSnapshot } = await import('../store/lmdb/snapshot.ts');
    const snapshot = await openLmdbSnapshot(storeDirectory(serverState));
    return { snapshot, [Symbol.asyncDispose]: () => snapshot[Symbol.asyncDispose]() };
  }
  const place = await connectEtcd(config, serverState, { loading: false, signal });
  const { takeEtcdSnapshot } = await import('../store/etcd/snapshot.ts');
  const snapshot = await takeEtcdSnapshot(place.connection, place.space, signal);
  return { snapshot, [Symbol.asyncDispose]: async () => place.connection.close() };
}

async function connectEtcd(
  { etcd }: InstanceConfig,
  serverState: string,
  { loading, signal }: { readonly loading: boolean; readonly signal: AbortSignal },
) {
  if (etcd === undefined) throw new AmphoraError('BadRequest', 'no --etcd-servers are configured');
  const { EtcdConnection } = await import('../store/etcd/connection.ts');
  const { openSpace } = await import('../store/etcd.ts');
  const options = await etcdOptions(etcd, serverState);
  const connection = new EtcdConnection(options, systemClock);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.storeCallMs)]);
  return { connection, space: await openSpace(connection, { ...options, loading }, deadline) };
}

interface Load {
  readonly layout: Pick<Layout, 'serverState'>;
  readonly floor: number;
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly report: Report;
}

async function load(
  snapshot: StoreSnapshot,
  config: InstanceConfig,
  { layout, floor, force, signal, report }: Load,
): Promise<{ readonly revision: number }> {
  const objects = reported(snapshot.objects(signal), snapshot.count, report);
  if (config.store === 'lmdb') {
    const { loadLmdb } = await import('../store/lmdb/load.ts');
    return await loadLmdb(storeDirectory(layout.serverState), objects, { floor, force });
  }
  const { connection, space } = await connectEtcd(config, layout.serverState, { loading: true, signal });
  try {
    const { loadEtcd } = await import('../store/etcd/load.ts');
    return await loadEtcd(connection, space, { objects, floor, force, signal });
  } finally {
    connection.close();
  }
}

/** Another server of the old store would go on writing what the new one never gets. */
async function mustBeUnchanged(
  { snapshot }: Opened,
  layout: Layout,
  { config, signal }: { readonly config: InstanceConfig; readonly signal: AbortSignal },
): Promise<void> {
  await using now = await openSnapshot(config, layout, signal);
  const { count, newestObject } = now.snapshot;
  if (count === snapshot.count && newestObject === snapshot.newestObject) return;
  throw new AmphoraError(
    'Conflict',
    'something wrote to the old store meanwhile: stop every server that uses it, and migrate again with --force',
  );
}

/** A built-in kind stands under its own resource. */
function kindFaults(): NonNullable<CheckOptions['faultOf']> {
  const kinds = new Map(
    createKindTable()
      .all()
      .map((kind) => [`${qualifiedResource(kind)} ${apiVersionOf(kind)}`, kind]),
  );
  return ({ key }, { kind, apiVersion }) => {
    const known = kinds.get(`${key.resource} ${String(apiVersion)}`);
    return known === undefined || known.kind === kind
      ? undefined
      : `it is a ${String(kind)}, not a ${known.kind}`;
  };
}
