import { SECOND_MS } from '../../lib/limits.ts';
import type {
  CertificateSigningRequest,
  ClusterRole,
  RoleBinding,
  SubjectRbacV1,
} from '../types.generated.ts';
import { AGE, type Column, columns, humanDuration, orNone } from './column.ts';

/** Of roles, their bindings and requests for certificates, by `resource.group`. */
export const ACCESS_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  'roles.rbac.authorization.k8s.io': roleColumns(),
  'clusterroles.rbac.authorization.k8s.io': roleColumns(),
  'rolebindings.rbac.authorization.k8s.io': bindingColumns(),
  'clusterrolebindings.rbac.authorization.k8s.io': bindingColumns(),
  'certificatesigningrequests.certificates.k8s.io': columns<CertificateSigningRequest>(
    AGE,
    { name: 'SignerName', cell: ({ spec }) => spec.signerName },
    { name: 'Requestor', cell: ({ spec }) => spec.username ?? '' },
    {
      name: 'RequestedDuration',
      cell: ({ spec }) =>
        spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * SECOND_MS),
    },
    { name: 'Condition', cell: conditionOf },
  ),
};

function roleColumns(): readonly Column[] {
  return columns<ClusterRole>({
    name: 'Created At',
    type: 'date',
    cell: (role) => role.metadata?.creationTimestamp ?? null,
  });
}

function bindingColumns(): readonly Column[] {
  const names = (kind: string) => (binding: RoleBinding) =>
    orNone(
      (binding.subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map(nameOf)
        .join(', '),
    );
  return columns<RoleBinding>(
    { name: 'Role', cell: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
    AGE,
    { name: 'Users', wide: true, cell: names('User') },
    { name: 'Groups', wide: true, cell: names('Group') },
    { name: 'ServiceAccounts', wide: true, cell: names('ServiceAccount') },
  );
}

function nameOf({ namespace = '', name }: SubjectRbacV1): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

function conditionOf({ status }: CertificateSigningRequest): string {
  const has = (wanted: string) => (status?.conditions ?? []).some(({ type }) => type === wanted);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  const issued = (status?.certificate ?? '') === '' ? '' : ',Issued';
  return `${decision}${has('Failed') ? ',Failed' : ''}${issued}`;
}
