import { fromLabelSelector, type LabelSelector, type Selector } from '../../../api/label-selector.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/types.generated.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import { type WebhookEndpoint, webhookEndpoint } from '../../webhooks/endpoint.ts';
import { compileRule, type Rule } from '../match-rules.ts';
import type { CompileConditions, Conditions } from './conditions.ts';
import { isReviewVersion, type ReviewVersion } from './review.ts';

/** One webhook of one configuration, ready to be matched and called. */
export interface Webhook {
  /** Of the configuration and its place in it: names alone may stand twice. */
  readonly id: string;
  readonly name: string;
  readonly configuration: string;
  /** Undefined, with the reason, for one that validation would have refused: it cannot be called. */
  readonly endpoint: WebhookEndpoint | undefined;
  readonly broken: string;
  readonly rules: readonly Rule[];
  readonly isEquivalent: boolean;
  readonly namespaces: Selector;
  readonly objects: Selector;
  readonly conditions: Conditions | undefined;
  readonly failsOpen: boolean;
  readonly hasSideEffects: boolean;
  readonly timeoutSeconds: number;
  readonly isReinvocable: boolean;
  /** The first that it names and we speak. */
  readonly reviewVersion: ReviewVersion;
}

const TIMEOUT_SECONDS = 10;

/** Never fails: one that cannot be called, because another program wrote it to the store, still has its failure policy. */
export function compileWebhook(
  webhook: ValidatingWebhook | MutatingWebhook,
  at: {
    readonly configuration: string;
    readonly index: number;
    readonly compileConditions: CompileConditions;
  },
): Webhook {
  const { configuration, index } = at;
  const { name } = webhook;
  const made = {
    id: `${configuration}/${index}/${name}`,
    name,
    configuration,
    rules: (webhook.rules ?? []).map(compileRule),
    isEquivalent: webhook.matchPolicy !== 'Exact',
    failsOpen: webhook.failurePolicy === 'Ignore',
    hasSideEffects: webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun',
    timeoutSeconds: webhook.timeoutSeconds ?? TIMEOUT_SECONDS,
    reviewVersion: webhook.admissionReviewVersions.find(isReviewVersion) ?? 'v1',
    isReinvocable: 'reinvocationPolicy' in webhook && webhook.reinvocationPolicy === 'IfNeeded',
  };
  try {
    return { ...made, ...compileParts(webhook, at.compileConditions), broken: '' };
  } catch (error) {
    const broken = AmphoraError.from(error).message;
    return { ...made, endpoint: undefined, namespaces: [], objects: [], conditions: undefined, broken };
  }
}

/** @throws BadRequest for a selector, URL or expression that is none. */
function compileParts(
  webhook: ValidatingWebhook | MutatingWebhook,
  compileConditions: CompileConditions,
): Pick<Webhook, 'endpoint' | 'namespaces' | 'objects' | 'conditions'> {
  const { matchConditions = [] } = webhook;
  return {
    endpoint: webhookEndpoint(webhook.clientConfig),
    namespaces: selectorOf(webhook.namespaceSelector),
    objects: selectorOf(webhook.objectSelector),
    conditions: matchConditions.length === 0 ? undefined : compileConditions(matchConditions),
  };
}

/** Missing means all, as the default of both selectors is. */
function selectorOf(selector: LabelSelector | undefined): Selector {
  return fromLabelSelector(selector ?? {});
}
