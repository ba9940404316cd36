import { randomUUID } from 'node:crypto';
import { isJsonObject, type JsonObject } from '../../../api/json.ts';
import type { Kind } from '../../../api/kind.ts';
import { AmphoraError, type ErrorDetail } from '../../../lib/errors.ts';
import { LIMITS } from '../../../lib/limits.ts';
import type { User } from '../../user.ts';
import type { AdmissionRequest } from '../admission.ts';
import { textAt } from '../fields.ts';
import { namespaceOf } from '../match-rules.ts';
import { seenAs } from '../rewrite.ts';

/** Of an AdmissionReview; the older one is what some webhooks still ask for. */
export type ReviewVersion = 'v1' | 'v1beta1';

export function isReviewVersion(text: string): text is ReviewVersion {
  return text === 'v1' || text === 'v1beta1';
}

function apiVersion(version: ReviewVersion): string {
  return `admission.k8s.io/${version}`;
}

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
export async function admissionReview(
  request: AdmissionRequest,
  { as, version }: { readonly as: Kind; readonly version: ReviewVersion },
) {
  const uid = randomUUID();
  const { operation, object, old } = request;
  const body = operation === 'DELETE' ? null : await seenAs(request, object, as);
  const before = old === undefined ? null : await seenAs(request, old, as);
  const { dryRun, options, ...fields } = requestFields(request, as);
  const review = {
    kind: 'AdmissionReview',
    apiVersion: apiVersion(version),
    request: { uid, ...fields, object: body, oldObject: before, dryRun, options },
  };
  return { uid, review, body };
}

/** `AdmissionRequest` without its objects. */
export function requestFields(request: AdmissionRequest, as: Kind) {
  const { asked, subresource, operation } = request;
  const namespace = namespaceOf(request);
  const options = request.options();
  return {
    kind: kindOf(request, as),
    resource: { group: as.group, version: as.version, resource: as.resource },
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: kindOf(request, asked),
    requestResource: { group: asked.group, version: asked.version, resource: asked.resource },
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(request.name === '' ? {} : { name: request.name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: userInfo(request.user),
    dryRun: request.dryRun,
    options: Object.keys(options).length === 0 ? null : options,
  };
}

function kindOf({ bodyKind }: AdmissionRequest, { group, version, kind }: Kind) {
  return bodyKind === undefined
    ? { group, version, kind }
    : { group: bodyKind.group, version: bodyKind.version, kind: bodyKind.kind };
}

function userInfo({ name, uid, groups, extra }: User) {
  return {
    username: name,
    ...(uid === '' ? {} : { uid }),
    groups,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly status: JsonObject;
  /** Decoded; undefined: none. */
  readonly patch: readonly unknown[] | undefined;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

interface Expected {
  readonly uid: string;
  readonly mayPatch: boolean;
  readonly version: ReviewVersion;
}

/**
 * What a webhook answered, checked.
 * @throws Unavailable in upstream's words for what is no answer to this review.
 */
export function reviewAnswer(answer: JsonObject, { uid, mayPatch, version }: Expected): ReviewAnswer {
  const { response } = answer;
  if (!isJsonObject(response)) throw bad('webhook response was absent');
  if (version === 'v1') checkEnvelope(answer, response.uid, uid);
  const { allowed, warnings } = response;
  if (allowed !== undefined && typeof allowed !== 'boolean') throw bad('response.allowed is no boolean');
  const annotations = isJsonObject(response.auditAnnotations) ? response.auditAnnotations : {};
  return {
    allowed: allowed === true,
    status: isJsonObject(response.status) ? response.status : {},
    patch: patchOf(response, { mayPatch, version }),
    warnings: Array.isArray(warnings)
      ? warnings.filter((one) => typeof one === 'string').slice(0, LIMITS.warnings)
      : [],
    annotations: Object.fromEntries(
      Object.entries(annotations)
        .slice(0, LIMITS.webhookAnnotations)
        .map(([key, value]) => [key, String(value).slice(0, LIMITS.webhookAnnotationCharacters)]),
    ),
  };
}

/** The older version left both out. */
function checkEnvelope(answer: JsonObject, answered: unknown, uid: string): void {
  const expected = apiVersion('v1');
  if (answer.apiVersion !== expected || answer.kind !== 'AdmissionReview')
    throw bad(
      `expected webhook response of ${expected}, Kind=AdmissionReview, got ${said(answer, 'apiVersion')}, Kind=${said(answer, 'kind')}`,
    );
  if (answered === uid) return;
  const shown = typeof answered === 'string' ? answered.slice(0, 128) : '';
  throw bad(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(shown)}`);
}

function patchOf(
  response: JsonObject,
  { mayPatch, version }: Pick<Expected, 'mayPatch' | 'version'>,
): readonly unknown[] | undefined {
  const { patch = '' } = response;
  const patchType = version === 'v1' || patch === '' ? response.patchType : 'JSONPatch';
  const has = patch !== '' && patch !== null;
  if (!mayPatch) {
    if (has) throw bad('validating webhook may not return response.patch');
    if (patchType !== undefined && patchType !== null)
      throw bad('validating webhook may not return response.patchType');
    return undefined;
  }
  if (!has) {
    if (patchType !== undefined && patchType !== null)
      throw bad('webhook returned response.patchType but not response.patch');
    return undefined;
  }
  if (patchType === undefined || patchType === null)
    throw bad('webhook returned response.patch but not response.patchType');
  if (patchType !== 'JSONPatch')
    throw bad(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  if (typeof patch !== 'string') throw bad('response.patch is no base64');
  let operations: unknown;
  try {
    operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  } catch (error) {
    throw new AmphoraError('Internal', `the patch is no JSON: ${(error as Error).message}`); // All it throws.
  }
  if (!Array.isArray(operations)) throw new AmphoraError('Internal', 'the patch is no list of operations');
  return operations;
}

function said(of: JsonObject, name: string): string {
  return textAt(of, name).slice(0, 128);
}

function bad(why: string): AmphoraError {
  return new AmphoraError('Unavailable', `received invalid webhook response: ${why}`);
}

const MESSAGE_CHARACTERS = 4096;

/** What the caller is told when a webhook says no: its status, in its words. */
export function denied(webhook: string, status: JsonObject): AmphoraError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const message = textAt(status, 'message').slice(0, MESSAGE_CHARACTERS);
  const reason = textAt(status, 'reason').slice(0, 128);
  const code = typeof status.code === 'number' && status.code >= 400 && status.code < 600 ? status.code : 400;
  const text =
    message !== '' ? `${by}: ${message}` : reason !== '' ? `${by}: ${reason}` : `${by} without explanation`;
  const details = isJsonObject(status.details) ? status.details : {};
  const causes = Array.isArray(details.causes) ? details.causes.slice(0, LIMITS.webhookCauses) : [];
  const { retryAfterSeconds } = details;
  return new AmphoraError('Forbidden', text, {
    told: { status: Math.trunc(code), reason },
    about: {
      group: textAt(details, 'group'),
      kind: textAt(details, 'kind'),
      name: textAt(details, 'name'),
      uid: textAt(details, 'uid'),
    },
    details: causes.filter(isJsonObject).map(
      (cause): ErrorDetail => ({
        reason: textAt(cause, 'reason'),
        field: textAt(cause, 'field'),
        message: textAt(cause, 'message').slice(0, MESSAGE_CHARACTERS),
      }),
    ),
    ...(typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0
      ? { retryAfterSeconds: Math.min(Math.trunc(retryAfterSeconds), 3600) }
      : {}),
  });
}
