import type { Secret, ServiceAccount } from '../../api/types.generated.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { ACCOUNT_NAME, base64, planToken, type TokenStep } from './plan.ts';

/** Fills Secrets that ask for the token of a service account, and removes them with their account. */
export function serviceAccountTokenController(parts: ControllerParts): Controller {
  const { informers, rootCa } = parts;
  const { tokenSecrets, serviceAccounts } = informers;
  return {
    name: 'service-account-token',
    sources: [
      { informer: tokenSecrets, keyOf: (key) => key },
      // An account that went takes its Secrets along: all are looked at, which is cheap, since there are few.
      {
        informer: serviceAccounts,
        keyOf: (key) => (serviceAccounts.get(key) === undefined ? '' : undefined),
      },
    ],
    async reconcile(key, signal) {
      const secrets = key === '' ? tokenSecrets.list() : [tokenSecrets.get(key)];
      for (const secret of secrets) {
        if (secret === undefined) continue;
        const account = await accountOf(parts, secret, signal);
        const step = planToken(secret, account, rootCa);
        if (step !== undefined) await act(parts, step, { secret, account, signal });
      }
      return undefined;
    },
  };
}

/** From the API where the cache has none: the account may have been made a moment ago, and a Secret is not deleted on a guess. */
async function accountOf(
  { client, informers }: ControllerParts,
  secret: Secret,
  signal: AbortSignal,
): Promise<ServiceAccount | undefined> {
  const { namespace = '', annotations } = secret.metadata ?? {};
  const name = annotations?.[ACCOUNT_NAME] ?? '';
  if (name === '') return undefined;
  const known = informers.serviceAccounts.get(`${namespace}/${name}`);
  if (known !== undefined) return known;
  const reference = { apiVersion: 'v1', resource: 'serviceaccounts', namespace, name };
  return await client.get<ServiceAccount>(reference, { signal }).catch((error: unknown) => {
    if (!isCode(error, 'NotFound')) throw error;
    return undefined;
  });
}

async function act(
  { client, issue }: ControllerParts,
  step: TokenStep,
  at: {
    readonly secret: Secret;
    readonly account: ServiceAccount | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { secret, account, signal } = at;
  const { name = '', namespace = '', uid, resourceVersion } = secret.metadata ?? {};
  const reference = { apiVersion: 'v1', resource: 'secrets', namespace, name };
  try {
    if (step.kind === 'delete') {
      await client.delete(reference, { preconditions: { uid, resourceVersion } }, { signal });
      return;
    }
    const owner = { name: account?.metadata?.name ?? '', uid: account?.metadata?.uid ?? '' };
    const token = step.needsToken
      ? { token: base64(await issue.legacyToken({ namespace, account: owner, secret: name })) }
      : {};
    const body = {
      metadata: { resourceVersion, annotations: step.annotations },
      data: { ...step.data, ...token },
    };
    await client.patch(reference, { type: 'merge', body }, { signal });
  } catch (error) {
    // What was read is not the newest: the event of the newer one comes.
    if (!isCode(error, 'Conflict', 'NotFound')) throw error;
  }
}
