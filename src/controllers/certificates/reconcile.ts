import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  SubjectAccessReview,
} from '../../api/types.generated.ts';
import type { Client } from '../../client/client.ts';
import { toTime } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { Controller, ControllerParts } from '../controller.ts';
import { type CertificateStep, expiresAt, planCertificate, type Right } from './plan.ts';

const COLLECTION = { apiVersion: 'certificates.k8s.io/v1', resource: 'certificatesigningrequests' };
/** A timer cannot wait for longer; the key is looked at again then. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Approves what kubelets may ask for themselves, signs what is approved, removes what is done. */
export function certificatesController(parts: ControllerParts): Controller {
  const { informers, clock } = parts;
  const { certificateRequests } = informers;
  return {
    name: 'certificates',
    sources: [{ informer: certificateRequests, keyOf: (key) => key }],
    async reconcile(key, signal) {
      const request = certificateRequests.get(key);
      if (request === undefined) return undefined;
      const now = clock.now();
      const step = planCertificate(request, now);
      try {
        if (step !== undefined) await act(parts, step, { request, now, signal });
      } catch (error) {
        // What was read is not the newest: the event of the newer one comes.
        if (!isCode(error, 'Conflict', 'NotFound')) throw error;
      }
      const left = expiresAt(request) - now;
      return step?.kind === 'delete' || left === Number.POSITIVE_INFINITY
        ? undefined
        : { againAfterMs: Math.min(left, LONGEST_WAIT_MS) };
    },
  };
}

interface Acting {
  readonly request: CertificateSigningRequest;
  readonly now: number;
  readonly signal: AbortSignal;
}

async function act(parts: ControllerParts, step: CertificateStep, acting: Acting): Promise<void> {
  const { client, issue } = parts;
  const { request, signal } = acting;
  const name = request.metadata?.name ?? '';
  switch (step.kind) {
    case 'delete':
      await client.delete({ ...COLLECTION, name }, {}, { signal });
      return;
    case 'review':
      return await approveIfAllowed(client, step.rights, acting);
    case 'fail': {
      const { message } = step;
      const status = withCondition(acting, { type: 'Failed', reason: 'SignerValidationFailure', message });
      await write(client, acting, { subresource: 'status', status });
      return;
    }
    case 'sign': {
      const { usages = [] } = request.spec;
      const pem = Buffer.from(request.spec.request, 'base64').toString('latin1');
      const certificate = await issue.certificate({ request: pem, usages, seconds: step.seconds });
      const status = { ...request.status, certificate: Buffer.from(certificate).toString('base64') };
      await write(client, acting, { subresource: 'status', status });
    }
  }
}

/** As its sender, not as ourselves: the right is the sender's. */
async function approveIfAllowed(client: Client, rights: readonly Right[], acting: Acting): Promise<void> {
  const { username = '', uid = '', groups = [], extra = {} } = acting.request.spec;
  const { signal } = acting;
  for (const { subresource, message } of rights) {
    const resourceAttributes = {
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'certificatesigningrequests',
      subresource,
      verb: 'create',
    };
    const review = await client.create<SubjectAccessReview>(
      { apiVersion: 'authorization.k8s.io/v1', resource: 'subjectaccessreviews' },
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user: username, uid, groups, extra, resourceAttributes },
      },
      { signal },
    );
    if (review.status?.allowed !== true) continue;
    const status = withCondition(acting, { type: 'Approved', reason: 'AutoApproved', message });
    return await write(client, acting, { subresource: 'approval', status });
  }
}

function withCondition(
  { request, now }: Acting,
  condition: Pick<CertificateSigningRequestCondition, 'type' | 'reason' | 'message'>,
) {
  const time = toTime(now);
  const made = { ...condition, status: 'True', lastUpdateTime: time, lastTransitionTime: time };
  return { ...request.status, conditions: [...(request.status?.conditions ?? []), made] };
}

async function write(
  client: Client,
  { request, signal }: Acting,
  change: { readonly subresource: string; readonly status: object },
): Promise<void> {
  const { subresource, status } = change;
  const reference = { ...COLLECTION, name: request.metadata?.name ?? '', subresource };
  await client.update(reference, { ...request, status }, { signal });
}
