import type { TokenReview } from '../../api/types.generated.ts';
import type { Clock } from '../../lib/clock.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { ExpiringMap } from '../../lib/expiring-map.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { WebhookCaller } from '../webhooks/caller.ts';
import type { WebhookEndpoint } from '../webhooks/endpoint.ts';
import { digestOf } from './service-account-claims.ts';
import type { TokenVerifier, VerifiedToken } from './tokens.ts';

export interface WebhookTokenOptions {
  readonly caller: WebhookCaller;
  readonly endpoint: WebhookEndpoint;
  readonly clock: Clock;
  /** How long an answer is good; `LIMITS.webhookTokenMs` if left out. */
  readonly cacheMs?: number;
}

/**
 * Asks a service whose a token is, with a TokenReview.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
 */
export function webhookTokens(options: WebhookTokenOptions): TokenVerifier {
  const { clock, cacheMs = LIMITS.webhookTokenMs } = options;
  const answers = new ExpiringMap<VerifiedToken | string>({ clock, most: LIMITS.webhookAnswers });
  return async (token, { signal, audiences }) => {
    if (token.length > LIMITS.tokenCharacters) return undefined;
    const key = digestOf(JSON.stringify([token, audiences]));
    const known = answers.get(key) ?? (await ask(options, { token, audiences, signal }));
    answers.set(key, known, cacheMs);
    if (typeof known !== 'string') return known;
    if (known === '') return undefined;
    throw new AmphoraError('Unauthorized', `the token webhook says: ${known}`);
  };
}

/** Whose it is; a text when it is nobody's, with the reason. @throws Unavailable */
async function ask(
  { caller, endpoint }: WebhookTokenOptions,
  asked: { readonly token: string; readonly audiences: readonly string[]; readonly signal: AbortSignal },
): Promise<VerifiedToken | string> {
  const { token, audiences, signal } = asked;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audiences.length === 0 ? {} : { audiences }) },
  };
  const timeoutSeconds = LIMITS.accessWebhookSeconds;
  const answer = await caller.post(endpoint, body, { timeoutSeconds, signal });
  const { status } = answer as unknown as TokenReview; // Each field is looked at before it is used.
  if (status?.authenticated !== true) return typeof status?.error === 'string' ? status.error : '';
  const { username, uid, groups, extra } = status.user ?? {};
  if (typeof username !== 'string' || username === '') return 'it names no user';
  const shared = audiences.filter((one) => status.audiences?.includes(one));
  if (audiences.length > 0 && Array.isArray(status.audiences) && shared.length === 0)
    return 'the token is for other audiences';
  const user = {
    name: username,
    uid: typeof uid === 'string' ? uid : '',
    groups: [...new Set([...textsOf(groups), 'system:authenticated'])],
    extra: Object.fromEntries(Object.entries(extra ?? {}).map(([name, values]) => [name, textsOf(values)])),
  };
  return Array.isArray(status.audiences) ? { user, audiences: shared } : { user };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
