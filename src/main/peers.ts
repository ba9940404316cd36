import type { Pki } from '../access/authn/pki.ts';
import type { Node } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import type { Peers } from '../http/tunnel/peer-tunnels.ts';
import type { Clock } from '../lib/clock.ts';
import { isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';

/** Names, on a node, the server at which its tunnel ends. */
const ANNOTATION = 'amphora.dev/tunnel-server';
const NODES = { apiVersion: 'v1', resource: 'nodes' };
const PEER = { user: 'system:amphora:peer', groups: ['system:masters'] };

export interface PeersOptions {
  readonly pki: Pki;
  /** Of this server. */
  readonly url: string;
  readonly client: () => Client;
  readonly clock: Clock;
}

/** The other servers of the cluster, found by what each writes to the nodes that dialled it. */
export async function createPeers({ pki, url, client, clock }: PeersOptions): Promise<Peers> {
  const { certificate, key } = await pki.client('peer', PEER);
  return {
    tls: { ca: pki.caCertificate, cert: certificate, key },
    announce: async (name, signal) => {
      const body = { metadata: { annotations: { [ANNOTATION]: url } } };
      while (!signal.aborted) {
        try {
          await client().patch({ ...NODES, name }, { type: 'merge', body }, { signal });
          return;
        } catch (error) {
          // A node may dial before it is registered, and the store may be away.
          if (!isCode(error, 'NotFound', 'Unavailable', 'Timeout')) throw error;
        }
        await clock.sleep(LIMITS.peerAnnounceMs, signal);
      }
    },
    serverOf: async (name, signal) => {
      const node = await client()
        .get<Node>({ ...NODES, name }, { signal })
        .catch((error: unknown) => {
          if (isCode(error, 'NotFound')) return undefined;
          throw error;
        });
      const server = node?.metadata?.annotations?.[ANNOTATION];
      // A node may write to itself: what it names must prove to be a server of ours, which only TLS lets it.
      const isOther = server !== url && URL.parse(server ?? '')?.protocol === 'https:';
      return isOther ? server : undefined;
    },
  };
}
