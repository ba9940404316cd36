import type { Kind } from '../../../api/kind.ts';
import { AmphoraError, isCode } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import type { WebhookCaller } from '../../webhooks/caller.ts';
import type { AdmissionRequest } from '../admission.ts';
import { isExempt, matchesNamespace, matchesObject, matchRules } from '../match-rules.ts';
import type { Webhook } from './compile.ts';
import { admissionReview, denied, type ReviewAnswer, reviewAnswer } from './review.ts';

export interface CallParts {
  readonly caller: WebhookCaller;
  readonly log: Logger;
  /** `mutating` or `validating`: for the audit log. */
  readonly type: 'mutating' | 'validating';
}

/** The version in which the webhook wants to see the request; undefined: it does not. */
export async function wants(webhook: Webhook, request: AdmissionRequest): Promise<Kind | undefined> {
  if (isExempt(request)) return undefined;
  const as = matchRules(request, webhook);
  if (as === undefined || !matchesObject(request, webhook.objects)) return undefined;
  if (!(await matchesNamespace(request, webhook.namespaces))) return undefined;
  return (await holds(webhook, request)) ? as : undefined;
}

async function holds({ conditions, failsOpen }: Webhook, request: AdmissionRequest): Promise<boolean> {
  if (conditions === undefined) return true;
  try {
    return await conditions.match(request);
  } catch (error) {
    if (failsOpen) return false;
    const { kind, name } = request;
    const message = `${kind.resource}${kind.group === '' ? '' : `.${kind.group}`} ${JSON.stringify(name)} is forbidden: ${AmphoraError.from(error).message}`;
    throw new AmphoraError('Forbidden', message, {
      about: { group: kind.group, kind: kind.resource, name },
      cause: error,
    });
  }
}

/**
 * Asks one webhook. Undefined when it could not be asked and its failure policy lets that pass.
 * @throws what it denies with; Internal when it could not be asked; BadRequest for a dry run that it does not support.
 */
export async function ask(
  parts: CallParts,
  webhook: Webhook,
  at: { readonly request: AdmissionRequest; readonly as: Kind; readonly index: number },
): Promise<(ReviewAnswer & { readonly body: object | null }) | undefined> {
  const { request, as } = at;
  if (request.dryRun && webhook.hasSideEffects)
    throw new AmphoraError(
      'BadRequest',
      `admission webhook ${JSON.stringify(webhook.name)} does not support dry run`,
    );
  const { uid, review, body } = await admissionReview(request, { as, version: webhook.reviewVersion });
  const mayPatch = parts.type === 'mutating';
  let answer: ReviewAnswer;
  try {
    const { timeoutSeconds, endpoint } = webhook;
    if (endpoint === undefined) throw new AmphoraError('Unavailable', webhook.broken);
    const got = await parts.caller.post(endpoint, review, { timeoutSeconds, signal: request.signal });
    answer = reviewAnswer(got, { uid, mayPatch, version: webhook.reviewVersion });
  } catch (error) {
    if (!isCode(error, 'Unavailable') || request.signal.aborted) throw error;
    failed(parts, webhook, { ...at, error });
    return undefined;
  }
  for (const [key, value] of Object.entries(answer.annotations))
    request.annotate(`${webhook.name}/${key}`, value);
  for (const warning of answer.warnings) request.warn(warning);
  if (!answer.allowed) throw denied(webhook.name, answer.status);
  return { ...answer, body };
}

/** @throws Internal unless the webhook's policy is to go on without it. */
function failed(
  { log, type }: CallParts,
  webhook: Webhook,
  { request, index, error }: { request: AdmissionRequest; index: number; error: AmphoraError },
): void {
  const why = error.message.startsWith('received invalid')
    ? error.message
    : `failed to call webhook: ${error.message}`;
  const message = `failed calling webhook ${JSON.stringify(webhook.name)}: ${why}`;
  if (!webhook.failsOpen) throw new AmphoraError('Internal', message, { cause: error });
  log.warn({ webhook: webhook.name, why }, 'webhook failed, and its policy is to go on');
  const round =
    type === 'mutating' ? `round_${request.rounds?.isSecond === true ? 1 : 0}_index_${index}` : '';
  const key = `failed-open.${type}.webhook.admission.k8s.io/${round === '' ? `round_0_index_${index}` : round}`;
  request.annotate(key, webhook.name);
}
