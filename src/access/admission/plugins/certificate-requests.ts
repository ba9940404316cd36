import { parseCertificateRequest } from '../../../api/certificates/certificate-request.ts';
import { SIGNERS } from '../../../api/certificates/signers.ts';
import { equalJson } from '../../../api/json.ts';
import type { ApiObject } from '../../../api/kind.ts';
import type {
  CertificateSigningRequestSpec,
  CertificateSigningRequestStatus,
} from '../../../api/types.generated.ts';
import { toTime } from '../../../lib/clock.ts';
import type { User } from '../../user.ts';
import type { AccessParts } from '../access-parts.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { forbidden } from '../faults.ts';

const GROUP = 'certificates.k8s.io';

/**
 * CertificateApproval, CertificateSigning and CertificateSubjectRestriction; and that a request says truly who made
 * it, whatever a webhook would have it say.
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
 */
export function certificateRequests(parts: AccessParts): AdmissionPlugin {
  return {
    name: 'CertificateRequests',
    handles: ({ kind, operation }) =>
      kind.group === GROUP &&
      kind.resource === 'certificatesigningrequests' &&
      (operation === 'CREATE' || operation === 'UPDATE'),
    async mutate({ operation, object, old, user }) {
      if (operation === 'CREATE') setRequester(specOf(object), user);
      else fillTimes(object, old, toTime(parts.clock.now()));
    },
    async validate(request) {
      const { operation, subresource, object, old, user } = request;
      if (operation === 'CREATE') {
        const truth = { ...specOf(object) };
        setRequester(truth, user);
        if (!equalJson(truth, specOf(object))) throw forbidden(request, 'who asks may not be changed');
        checkSubject(request);
      } else if (subresource === 'approval') await checkSigner(parts, request, 'approve');
      else if (subresource === 'status' && !equalJson(signed(object), signed(old)))
        await checkSigner(parts, request, 'sign');
    },
  };
}

function setRequester(spec: CertificateSigningRequestSpec, { name, uid, groups, extra }: User): void {
  spec.username = name;
  spec.groups = [...groups];
  if (uid === '') delete spec.uid;
  else spec.uid = uid;
  const pairs = Object.entries(extra).map(([key, values]): [string, string[]] => [key, [...values]]);
  if (pairs.length === 0) delete spec.extra;
  else spec.extra = Object.fromEntries(pairs);
}

function specOf(object: Readonly<ApiObject>): CertificateSigningRequestSpec {
  return (object.spec ?? {}) as unknown as CertificateSigningRequestSpec; // The registry conforms it.
}

function signed(object: Readonly<ApiObject> | undefined) {
  const { certificate, conditions = [] } = (object?.status ?? {}) as CertificateSigningRequestStatus; // As above.
  return [certificate ?? '', conditions];
}

/** @throws Forbidden: a certificate of this group would be an administrator's. */
function checkSubject(request: AdmissionRequest): void {
  const { signerName, request: encoded } = specOf(request.object);
  if (signerName !== SIGNERS.client) return;
  const { organizations } = parseCertificateRequest(Buffer.from(encoded, 'base64').toString('latin1'));
  if (organizations.includes('system:masters'))
    throw forbidden(request, `use of ${signerName} signer with system:masters group is not allowed`);
}

/** @throws Forbidden without the right to approve or sign for that signer, by its name or its whole domain */
async function checkSigner(
  { authorizer }: AccessParts,
  request: AdmissionRequest,
  verb: 'approve' | 'sign',
): Promise<void> {
  const { signerName } = specOf(request.old ?? request.object);
  const { user, signal } = request;
  for (const name of [signerName, `${signerName.split('/')[0] ?? ''}/*`]) {
    const asked = {
      verb,
      group: GROUP,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
    };
    if ((await authorizer().authorize(user, { kind: 'resource', ...asked }, signal)).allowed) return;
  }
  throw forbidden(
    request,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
  );
}

/** When a condition was made and changed, for writers that do not say. */
function fillTimes(object: ApiObject, old: Readonly<ApiObject> | undefined, now: string): void {
  const { conditions } = (object.status ?? {}) as CertificateSigningRequestStatus; // The registry conforms it.
  const { conditions: before = [] } = (old?.status ?? {}) as CertificateSigningRequestStatus; // As above.
  for (const condition of conditions ?? []) {
    const known = before.find(({ type }) => type === condition.type);
    if (known !== undefined && equalJson(known, condition)) continue;
    condition.lastUpdateTime ??= now;
    const changedAt = known?.status === condition.status ? known.lastTransitionTime : undefined;
    condition.lastTransitionTime ??= changedAt ?? now;
  }
}
