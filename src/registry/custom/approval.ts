import { type ApprovalState, approvalOf, isProtectedGroup } from '../../api/custom/approval.ts';
import { invalid, required } from '../../api/custom/faults.ts';
import type { ApiObject } from '../../api/kind.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { part, text } from '../fields.ts';

const FIELD = 'metadata.annotations[api-approved.kubernetes.io]';

/** A CRD in a group of Kubernetes' own needs an approval; one that has none already may go on without. */
export function approvalFaults(
  crd: Readonly<ApiObject>,
  old: Readonly<ApiObject> | undefined,
): ErrorDetail[] {
  if (!isProtectedGroup(text(part(crd, 'spec'), 'group'))) return [];
  const { state, reason } = approvalOf(crd.metadata.annotations);
  const before: ApprovalState | undefined =
    old === undefined ? undefined : approvalOf(old.metadata.annotations).state;
  if (before === state) return [];
  if (state === 'missing') return [required(FIELD, reason)];
  const value = crd.metadata.annotations?.['api-approved.kubernetes.io'] ?? '';
  return state === 'invalid' ? [invalid(FIELD, value, reason)] : [];
}
