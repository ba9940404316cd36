import type { Client } from '../client/client.ts';
import { createHttpClient } from '../client/http-client.ts';
import { createNodeActions } from '../client/http-node-actions.ts';
import { readKubeconfig } from '../client/kubeconfig.ts';
import type { NodeActions } from '../client/node-actions.ts';
import { systemClock } from '../lib/clock.ts';

/** The API as whom a kubeconfig says. */
export async function createConnection(kubeconfig: string): Promise<Client & NodeActions> {
  const connection = await readKubeconfig(kubeconfig);
  const client = createHttpClient({ ...connection, clock: systemClock, userAgent: 'amphora' });
  return withActions(client, createNodeActions(connection));
}

/** One object for both; the client's methods live on its class, so they are bound and not spread. */
function withActions(client: Client, actions: ReturnType<typeof createNodeActions>): Client & NodeActions {
  return {
    get: (reference, options) => client.get(reference, options),
    list: (collection, query, options) => client.list(collection, query, options),
    watch: (collection, query, options) => client.watch(collection, query, options),
    create: (collection, object, options) => client.create(collection, object, options),
    update: (reference, object, options) => client.update(reference, object, options),
    patch: (reference, patch, options) => client.patch(reference, patch, options),
    delete: (reference, body, options) => client.delete(reference, body, options),
    ...actions,
    close: async () => {
      await Promise.all([client.close(), actions.close()]);
    },
  };
}
