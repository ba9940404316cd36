import type { ConfigMap } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { isCode } from '../lib/errors.ts';

/** Whom extension servers believe when they are told who a user is. */
export const FRONT_PROXY = 'front-proxy-client';

const AT = { apiVersion: 'v1', resource: 'configmaps', namespace: 'kube-system' };
const NAME = 'extension-apiserver-authentication';

/**
 * Publishes what an extension server needs to know its callers: the library that they are built with reads this.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
export async function publishExtensionAuthentication(
  client: Client,
  cas: { readonly clientCa: string; readonly frontProxyCa: string },
  signal: AbortSignal,
): Promise<void> {
  const data = {
    'client-ca-file': cas.clientCa,
    'requestheader-allowed-names': JSON.stringify([FRONT_PROXY]),
    'requestheader-client-ca-file': cas.frontProxyCa,
    'requestheader-extra-headers-prefix': JSON.stringify(['X-Remote-Extra-']),
    'requestheader-group-headers': JSON.stringify(['X-Remote-Group']),
    'requestheader-uid-headers': JSON.stringify(['X-Remote-Uid']),
    'requestheader-username-headers': JSON.stringify(['X-Remote-User']),
  };
  try {
    const found = await client.get<ConfigMap>({ ...AT, name: NAME }, { signal });
    if (Object.entries(data).every(([key, value]) => found.data?.[key] === value)) return;
    await client.patch({ ...AT, name: NAME }, { type: 'merge', body: { data } }, { signal });
  } catch (error) {
    if (!isCode(error, 'NotFound')) throw error;
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME }, data };
    await client.create(AT, object, { signal });
  }
}
