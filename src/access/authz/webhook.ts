import type { SubjectAccessReview } from '../../api/types.generated.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import { ExpiringMap } from '../../lib/expiring-map.ts';
import { LIMITS } from '../../lib/limits.ts';
import type { User } from '../user.ts';
import type { WebhookCaller } from '../webhooks/caller.ts';
import type { WebhookEndpoint } from '../webhooks/endpoint.ts';
import type { AuthorizationRule } from './all.ts';
import type { Attributes, Opinion } from './authorizer.ts';

export interface WebhookAuthorizerOptions {
  readonly caller: WebhookCaller;
  readonly endpoint: WebhookEndpoint;
  readonly clock: Clock;
  /** How long an allowed and a refused answer are good; `LIMITS` if left out. */
  readonly allowMs?: number;
  readonly denyMs?: number;
}

/** A longer question is asked each time. */
const LONGEST_KEY = 10_000;

/**
 * Asks a service what a caller may, with a SubjectAccessReview, after everybody else had no opinion. One that cannot
 * be asked has none either.
 * https://kubernetes.io/docs/reference/access-authn-authz/webhook/
 */
export function webhookAuthorizer(options: WebhookAuthorizerOptions): AuthorizationRule {
  const { clock, allowMs = LIMITS.webhookAllowMs, denyMs = LIMITS.webhookDenyMs } = options;
  const answers = new ExpiringMap<Opinion>({ clock, most: LIMITS.webhookAnswers });
  return async (user, attributes, signal) => {
    const spec = questionOf(user, attributes);
    const key = JSON.stringify(spec);
    const known = answers.get(key);
    if (known !== undefined) return known;
    try {
      const opinion = await ask(options, spec, signal);
      if (key.length <= LONGEST_KEY)
        answers.set(key, opinion, opinion.verdict === 'allow' ? allowMs : denyMs);
      return opinion;
    } catch (error) {
      if (!isCode(error, 'Unavailable')) throw error;
      return { verdict: 'none', reason: `the authorization webhook failed: ${error.message}` };
    }
  };
}

async function ask(
  { caller, endpoint }: WebhookAuthorizerOptions,
  spec: SubjectAccessReview['spec'],
  signal: AbortSignal,
): Promise<Opinion> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const timeoutSeconds = LIMITS.accessWebhookSeconds;
  const answer = await caller.post(endpoint, body, { timeoutSeconds, signal });
  const { status } = answer as unknown as SubjectAccessReview; // Each field is looked at before it is used.
  const reason = typeof status?.reason === 'string' ? status.reason : '';
  // One that says both is broken: what is refused counts.
  if (status?.denied === true) return { verdict: 'deny', reason };
  return { verdict: status?.allowed === true ? 'allow' : 'none', reason };
}

function questionOf(user: User, attributes: Attributes): SubjectAccessReview['spec'] {
  const { name, uid, groups, extra } = user;
  const who = {
    user: name,
    ...(uid === '' ? {} : { uid }),
    groups: [...groups],
    extra: Object.fromEntries(
      Object.entries(extra).map(([key, values]): [string, string[]] => [key, [...values]]),
    ),
  };
  if (attributes.kind === 'path')
    return { ...who, nonResourceAttributes: { verb: attributes.verb, path: attributes.path } };
  const { verb, group, version, resource, subresource, namespace, name: object } = attributes;
  return {
    ...who,
    resourceAttributes: { verb, group, version, resource, subresource, namespace, name: object },
  };
}
