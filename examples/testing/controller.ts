// A controller written against the client of `amphora/client`; with `startCluster` it is tested in milliseconds.
import { connectCluster } from 'amphora/client';
import type { ClusterClient } from 'amphora/testing';
import type { ConfigMap, Namespace } from 'amphora/types';

const NAMESPACES = { apiVersion: 'v1', resource: 'namespaces' };

/** Gives each namespace with the label `team` a ConfigMap that says so, until the signal aborts. */
export async function labelTeams(client: ClusterClient, signal: AbortSignal): Promise<void> {
  await using namespaces = await client.informer<Namespace>(NAMESPACES, { labelSelector: 'team', signal });
  const reconcile = async (name: string): Promise<void> => {
    const team = namespaces.get(name)?.metadata?.labels?.team;
    if (team === undefined) return;
    const map: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'team' },
      data: { team },
    };
    const reference = { apiVersion: 'v1', resource: 'configmaps', namespace: name, name: 'team' };
    await client.apply<ConfigMap>(reference, map, { fieldManager: 'label-teams', signal });
  };
  namespaces.onChange((name) => void reconcile(name).catch(console.error));
  for (const { metadata } of namespaces.list()) await reconcile(metadata?.name ?? '');
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Against a real cluster, as whom `kubeconfig` says. */
export async function main(kubeconfig: string): Promise<void> {
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const client = await connectCluster(kubeconfig);
  await labelTeams(client, stop.signal);
  await client.close();
}
