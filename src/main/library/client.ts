import { createHttpClient } from '../../client/http-client.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { systemClock } from '../../lib/clock.ts';
import { type ClusterClient, createClusterClient } from './cluster-client.ts';

/**
 * `amphora/client`: a client of any Kubernetes API server, as whom a kubeconfig says. Close it when it is no longer used.
 * @param context of the kubeconfig; its current one where left out
 * @throws NotFound, BadRequest with the part of the kubeconfig that is missing
 */
export async function connectCluster(kubeconfig: string, context?: string): Promise<ClusterClient> {
  const connection = await readKubeconfig(kubeconfig, context);
  return createClusterClient(createHttpClient({ ...connection, clock: systemClock }), systemClock);
}
