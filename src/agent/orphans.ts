import type { AgentOptions } from './options.ts';
import { podUidOf } from './pod/record.ts';
import type { RecordStore } from './pod/record-store.ts';

/**
 * Gives back what an agent before this one acquired for pods that nobody knows any more: a crash came before it
 * had written down that the pod was its own. Sandboxes are not among it: whoever has one has a worker.
 */
export async function removeOrphans(
  options: Pick<AgentOptions, 'network' | 'volumes' | 'log'>,
  from: { readonly store: RecordStore; readonly isKnown: (uid: string) => boolean },
  signal: AbortSignal,
): Promise<void> {
  const { network, volumes, log } = options;
  const { store, isKnown } = from;
  const tidy = async (what: string, uid: string, remove: () => Promise<void>) => {
    // Asked at the last moment: pods come while this goes on.
    if (isKnown(uid)) return;
    await remove().then(
      () => log.info({ uid, what }, 'removed what a pod left that is gone'),
      (error: unknown) => log.warn({ uid, what, err: error }, 'what a pod left could not be removed'),
    );
  };
  for (const id of await network.list(signal))
    await tidy('network', podUidOf(id), () => network.detach(id, signal));
  for (const uid of await volumes.list()) await tidy('volumes', uid, () => volumes.teardown(uid, signal));
  for (const uid of await store.list()) await tidy('files', uid, () => store.removeAll(uid));
}
