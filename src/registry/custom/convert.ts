import { randomUUID } from 'node:crypto';
import type { WebhookCaller } from '../../access/webhooks/caller.ts';
import { webhookEndpoint } from '../../access/webhooks/endpoint.ts';
import type { ConversionWebhook } from '../../api/custom/facts.ts';
import { isJsonObject, type JsonObject } from '../../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind } from '../../api/kind.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';
import { restoreMetadata } from './restore-metadata.ts';

/** Custom objects in another version of their kind, in the order given. The objects given may be changed. */
export type Convert = (
  objects: readonly ApiObject[],
  version: string,
  signal: AbortSignal,
) => Promise<readonly ApiObject[]>;

/** As the kind's CRD says: by its webhook, or by the name of the version alone. */
export function converterOf(kind: Kind, webhooks: WebhookCaller | undefined): Convert {
  const webhook = kind.custom?.webhook;
  const versioned = (version: string) => apiVersionOf({ group: kind.group, version });
  if (webhook === undefined)
    return async (objects, version) =>
      objects.map((object) => ({ ...object, apiVersion: versioned(version) }));
  return async (objects, version, signal) => {
    const from = objects[0];
    if (from === undefined) return [];
    const about = `conversion webhook for ${gvkOf(from)}`;
    if (webhooks === undefined) throw failed(`${about} failed: this server calls no webhooks`);
    const review = reviewOf(webhook, objects, versioned(version));
    const answer = await ask(webhooks, { webhook, review, about, signal });
    return read(answer, { review, about });
  };
}

/** `example.com/v1, Kind=Foo` */
function gvkOf({ apiVersion, kind }: ApiObject): string {
  return `${apiVersion}, Kind=${kind}`;
}

interface Review {
  readonly kind: 'ConversionReview';
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly ApiObject[];
  };
}

function reviewOf(
  { reviewVersions }: ConversionWebhook,
  objects: readonly ApiObject[],
  desiredAPIVersion: string,
): Review {
  const version = reviewVersions.find((one) => one === 'v1' || one === 'v1beta1');
  if (version === undefined) throw failed('no supported conversion review versions');
  return {
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    request: { uid: randomUUID(), desiredAPIVersion, objects },
  };
}

async function ask(
  webhooks: WebhookCaller,
  call: {
    readonly webhook: ConversionWebhook;
    readonly review: Review;
    readonly about: string;
    readonly signal: AbortSignal;
  },
): Promise<JsonObject> {
  const { webhook, signal } = call;
  const { url, service, caBundle } = webhook;
  try {
    const endpoint = webhookEndpoint({
      ...(url === undefined ? {} : { url }),
      ...(service === undefined ? {} : { service }),
      caBundle,
    });
    return await webhooks.post(endpoint, call.review, {
      timeoutSeconds: LIMITS.conversionSeconds,
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw failed(`${call.about} failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Takes from an answer what a conversion may change, and nothing else. @throws Internal for a lie. */
function read(
  answer: JsonObject,
  { review, about }: { readonly review: Review; readonly about: string },
): readonly ApiObject[] {
  const { objects, desiredAPIVersion } = review.request;
  const converted = objectsOf(answer, review, about);
  if (converted.length !== objects.length)
    throw failed(`${about} returned ${converted.length} objects, expected ${objects.length}`);
  return objects.map((original, index) => {
    const wrong = (why: string) =>
      failed(`${about} returned invalid converted object at index ${index}: ${why}`);
    const one = converted[index];
    if (!isJsonObject(one)) throw wrong('it is no object');
    if (one.apiVersion !== desiredAPIVersion)
      throw wrong(`invalid groupVersion (expected ${desiredAPIVersion}, received ${String(one.apiVersion)})`);
    if (one.kind !== original.kind)
      throw wrong(`invalid kind (expected ${original.kind}, received ${String(one.kind)})`);
    const metadata = restoreMetadata(original, one.metadata);
    if (typeof metadata === 'string') throw wrong(metadata);
    return { ...one, apiVersion: desiredAPIVersion, kind: original.kind, metadata };
  });
}

function objectsOf(answer: JsonObject, review: Review, about: string): readonly unknown[] {
  const wrong = (why: string) => failed(`${about} failed: ${why}`);
  const { response } = answer;
  if (review.apiVersion.endsWith('/v1')) {
    if (answer.kind !== review.kind || answer.apiVersion !== review.apiVersion)
      throw wrong(
        `expected webhook response of ${review.apiVersion}, Kind=${review.kind}, got ${String(answer.apiVersion)}, Kind=${String(answer.kind)}`,
      );
    const uid = isJsonObject(response) ? response.uid : '';
    if (isJsonObject(response) && uid !== review.request.uid)
      throw wrong(
        `expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(uid ?? '')}`,
      );
  }
  if (!isJsonObject(response)) throw wrong('no response provided');
  const result = isJsonObject(response.result) ? response.result : {};
  if (result.status !== 'Success')
    throw wrong(
      typeof result.message === 'string' && result.message !== ''
        ? result.message
        : `response.result.status was '${String(result.status ?? '')}', not 'Success'`,
    );
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

function failed(message: string, cause?: unknown): AmphoraError {
  return new AmphoraError('Internal', message, cause === undefined ? {} : { cause });
}
