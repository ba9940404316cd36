import { qualifiedResource } from '../../../api/kind.ts';
import { AmphoraError } from '../../../lib/errors.ts';
import type { AdmissionRequest } from '../admission.ts';

export interface Denial {
  readonly policy: { readonly name: string };
  readonly binding?: { readonly name: string };
  readonly message: string;
  /** `Invalid` if left out. */
  readonly reason?: string;
}

const STATUS: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

/** What the caller is told of a ValidatingAdmissionPolicy that says no. */
export function deniedBy(request: AdmissionRequest, denial: Denial): AmphoraError {
  const { policy, binding, message, reason = 'Invalid' } = denial;
  const by = binding === undefined ? '' : ` with binding '${binding.name}'`;
  const text = `ValidatingAdmissionPolicy '${policy.name}'${by} denied request: ${message}`;
  const { kind } = request;
  const name = request.name === '' ? (request.object.metadata.generateName ?? '') : request.name;
  return new AmphoraError(
    'Forbidden',
    `${qualifiedResource(kind)} ${JSON.stringify(name)} is forbidden: ${text}`,
    {
      told: { status: STATUS[reason] ?? 422, reason },
      about: { group: kind.group, kind: kind.resource, name },
      details: [{ reason: '', field: '', message: text }],
    },
  );
}
