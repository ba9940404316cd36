/** Whether somebody of Kubernetes has said yes to an API in one of its groups. */
export type ApprovalState = 'approved' | 'bypassed' | 'invalid' | 'missing';

const ANNOTATION = 'api-approved.kubernetes.io';
const ENHANCEMENT = 'see https://github.com/kubernetes/enhancements/pull/1111';

/** `k8s.io` and `kubernetes.io`, and what is below them. */
export function isProtectedGroup(group: string): boolean {
  return /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);
}

/** What a CRD's annotations say of its approval, with upstream's words for it. */
export function approvalOf(annotations: Readonly<Record<string, string>> | undefined): {
  readonly state: ApprovalState;
  readonly reason: string;
} {
  const value = annotations?.[ANNOTATION] ?? '';
  const must = `protected groups must have approval annotation ${JSON.stringify(ANNOTATION)}`;
  if (value === '') return { state: 'missing', reason: `${must}, ${ENHANCEMENT}` };
  if (value.startsWith('unapproved'))
    return { state: 'bypassed', reason: `not approved: ${JSON.stringify(value)}` };
  if (/^[a-z][-+.a-z0-9]*:\/\/[^/]/i.test(value) && URL.canParse(value))
    return { state: 'approved', reason: `approved in ${value}` };
  return {
    state: 'invalid',
    reason: `${must} with either a URL or a reason starting with "unapproved", ${ENHANCEMENT}`,
  };
}
