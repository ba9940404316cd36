import type { CertificateRequest } from './certificate-request.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
export const SIGNERS = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacy: 'kubernetes.io/legacy-unknown',
} as const;

const NODES = 'system:nodes';
const NODE_PREFIX = 'system:node:';

/** What a signer refuses about a request, in upstream's words; undefined: it signs. */
export type SignerRule = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

export const SIGNER_RULES: Readonly<Record<string, SignerRule>> = {
  [SIGNERS.client]: (_request, usages) =>
    usageFault(usages, {
      required: ['client auth'],
      allowed: ['digital signature', 'key encipherment', 'client auth'],
    }),
  [SIGNERS.kubeletClient]: kubeletClientFault,
  [SIGNERS.kubeletServing]: kubeletServingFault,
  [SIGNERS.legacy]: () => undefined,
};

/** Also what is approved by itself has to be. */
export function kubeletClientFault(
  request: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (request.organizations.length !== 1 || request.organizations[0] !== NODES)
    return `subject organization is not ${NODES}`;
  const { dnsNames, emails, addresses, uris } = request;
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (addresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!request.commonName.startsWith(NODE_PREFIX))
    return `subject common name does not begin with ${NODE_PREFIX}`;
  return usageFault(usages, {
    required: ['digital signature', 'client auth'],
    allowed: ['key encipherment', 'digital signature', 'client auth'],
  });
}

function kubeletServingFault(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (request.organizations.length !== 1 || request.organizations[0] !== NODES)
    return `subject organization is not ${NODES}`;
  if (request.dnsNames.length + request.addresses.length === 0)
    return 'at least one DNS or IP subjectAltName is required';
  if (request.emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!request.commonName.startsWith(NODE_PREFIX))
    return `subject common name does not begin with ${NODE_PREFIX}`;
  return usageFault(usages, {
    required: ['digital signature', 'server auth'],
    allowed: ['key encipherment', 'digital signature', 'server auth'],
  });
}

function usageFault(
  usages: readonly string[],
  rule: { readonly required: readonly string[]; readonly allowed: readonly string[] },
): string | undefined {
  const isGood =
    rule.required.every((usage) => usages.includes(usage)) &&
    usages.every((usage) => rule.allowed.includes(usage));
  return isGood ? undefined : `usages did not match [${rule.allowed.join(' ')}]`;
}
