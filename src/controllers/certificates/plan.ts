import {
  type CertificateRequest,
  parseCertificateRequest,
} from '../../api/certificates/certificate-request.ts';
import { kubeletClientFault, SIGNER_RULES, SIGNERS } from '../../api/certificates/signers.ts';
import type { CertificateSigningRequest } from '../../api/types.generated.ts';
import { AmphoraError } from '../../lib/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../lib/limits.ts';

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const DAY_SECONDS = DAY_MS / SECOND_MS;
/** How long a request is kept after it was decided, and without a decision: upstream's times. */
const DECIDED_MS = HOUR_MS;
const PENDING_MS = DAY_MS;
/** Longest, and where nothing else is asked for: `--cluster-signing-duration`. */
const LIFE_SECONDS = 365 * DAY_SECONDS;
const SHORTEST_SECONDS = 600;

export type CertificateStep =
  | { readonly kind: 'delete' }
  /** Approve it if its sender may create that subresource. */
  | { readonly kind: 'review'; readonly rights: readonly Right[] }
  | { readonly kind: 'sign'; readonly seconds: number }
  /** It is approved, and its signer does not sign such a request. */
  | { readonly kind: 'fail'; readonly message: string };

export interface Right {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const SELF: Right = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const ANY: Right = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

/** What is to be done about a request for a certificate now; undefined: nothing. */
export function planCertificate(
  request: CertificateSigningRequest,
  now: number,
): CertificateStep | undefined {
  if (request.metadata?.deletionTimestamp !== undefined) return undefined;
  if (expiresAt(request) <= now) return { kind: 'delete' };
  if (has(request, 'Denied') || has(request, 'Failed')) return undefined;
  if (!has(request, 'Approved')) return planReview(request);
  if ((request.status?.certificate ?? '') !== '') return undefined;
  const { signerName, usages = [], expirationSeconds } = request.spec;
  const rule = Object.hasOwn(SIGNER_RULES, signerName) ? SIGNER_RULES[signerName] : undefined;
  if (rule === undefined) return undefined;
  const parsed = parse(request);
  const fault = typeof parsed === 'string' ? parsed : rule(parsed, usages);
  if (fault !== undefined) return { kind: 'fail', message: fault };
  const asked = expirationSeconds ?? LIFE_SECONDS;
  return { kind: 'sign', seconds: Math.max(SHORTEST_SECONDS, Math.min(asked, LIFE_SECONDS)) };
}

function planReview(request: CertificateSigningRequest): CertificateStep | undefined {
  const { signerName, usages = [], username } = request.spec;
  if (signerName !== SIGNERS.kubeletClient) return undefined;
  const parsed = parse(request);
  if (typeof parsed === 'string' || kubeletClientFault(parsed, usages) !== undefined) return undefined;
  return { kind: 'review', rights: parsed.commonName === username ? [SELF, ANY] : [ANY] };
}

/** Milliseconds since the epoch at which nobody needs the request any more. */
export function expiresAt(request: CertificateSigningRequest): number {
  const { conditions = [] } = request.status ?? {};
  const created = Date.parse(request.metadata?.creationTimestamp ?? '') || 0;
  const isDone =
    (request.status?.certificate ?? '') !== '' || has(request, 'Denied') || has(request, 'Failed');
  if (!isDone) return has(request, 'Approved') ? Number.POSITIVE_INFINITY : created + PENDING_MS;
  const decided = conditions.map(({ lastUpdateTime = '' }) => Date.parse(lastUpdateTime) || created);
  return Math.max(created, ...decided) + DECIDED_MS;
}

function has(request: CertificateSigningRequest, type: string): boolean {
  return (request.status?.conditions ?? []).some((condition) => condition.type === type);
}

/** What it asks for, or what is wrong with it. */
function parse({ spec }: CertificateSigningRequest): CertificateRequest | string {
  try {
    return parseCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1'));
  } catch (error) {
    return AmphoraError.from(error).message;
  }
}
