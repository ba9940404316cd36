import type { Client } from '../../client/client.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { ROOT_CA_CONFIG_MAP } from '../informers.ts';
import { planServiceAccount, type ServiceAccountStep } from './plan.ts';

const DEFAULT_ACCOUNT = 'default';

/** Gives every namespace its default service account and the authority's certificate. */
export function serviceAccountController({ client, informers, rootCa }: ControllerParts): Controller {
  const namespaceOf = (name: string) => (key: string) => {
    const [namespace, object] = key.split('/');
    return object === name ? namespace : undefined;
  };
  return {
    name: 'service-account',
    sources: [
      { informer: informers.namespaces, keyOf: (key) => key },
      { informer: informers.serviceAccounts, keyOf: namespaceOf(DEFAULT_ACCOUNT) },
      { informer: informers.rootCas, keyOf: namespaceOf(ROOT_CA_CONFIG_MAP) },
    ],
    async reconcile(key, signal) {
      const namespace = informers.namespaces.get(key);
      if (namespace === undefined) return undefined;
      const steps = planServiceAccount(namespace, {
        account: informers.serviceAccounts.get(`${key}/${DEFAULT_ACCOUNT}`) !== undefined,
        rootCa: informers.rootCas.get(`${key}/${ROOT_CA_CONFIG_MAP}`)?.data?.['ca.crt'] === rootCa,
      });
      for (const step of steps) await act(client, step, { namespace: key, rootCa, signal });
      return undefined;
    },
  };
}

interface Acting {
  readonly namespace: string;
  readonly rootCa: string;
  readonly signal: AbortSignal;
}

async function act(client: Client, step: ServiceAccountStep, acting: Acting): Promise<void> {
  const { namespace, rootCa, signal } = acting;
  if (step.kind === 'create-account') {
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: DEFAULT_ACCOUNT, namespace },
    };
    await client
      .create({ apiVersion: 'v1', resource: 'serviceaccounts', namespace }, account, { signal })
      .catch(ignoreExisting);
    return;
  }
  const name = ROOT_CA_CONFIG_MAP;
  const collection = { apiVersion: 'v1', resource: 'configmaps', namespace };
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data: { 'ca.crt': rootCa },
  };
  try {
    await client.create(collection, map, { signal });
  } catch (error) {
    ignoreExisting(error);
    await client.patch({ ...collection, name }, { type: 'merge', body: { data: map.data } }, { signal });
  }
}

/** Somebody was faster: what was to be there is there. */
function ignoreExisting(error: unknown): void {
  if (!isCode(error, 'AlreadyExists')) throw error;
}
