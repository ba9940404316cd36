import { formatSelector, fromLabelSelector } from '../label-selector.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingWebhookConfiguration,
  ResourceQuota,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../types.generated.ts';
import { AGE, type Column, columns } from './column.ts';

const GROUP = 'admissionregistration.k8s.io';
const UNSET = '<unset>';

const webhooks = columns<MutatingWebhookConfiguration>(
  { name: 'Webhooks', type: 'integer', cell: (one) => one.webhooks?.length ?? 0 },
  AGE,
);
const bindings = columns<ValidatingAdmissionPolicyBinding>(
  { name: 'PolicyName', cell: ({ spec }) => spec?.policyName ?? '' },
  { name: 'ParamRef', cell: paramsOf },
  AGE,
);

/** What decides about writes: webhooks, policies, quotas. */
export const ADMISSION_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  resourcequotas: columns<ResourceQuota>(
    { name: 'Request', cell: (quota) => amounts(quota, false) },
    { name: 'Limit', cell: (quota) => amounts(quota, true) },
    AGE,
  ),
  [`mutatingwebhookconfigurations.${GROUP}`]: webhooks,
  [`validatingwebhookconfigurations.${GROUP}`]: webhooks,
  [`validatingadmissionpolicies.${GROUP}`]: columns<ValidatingAdmissionPolicy>(
    { name: 'Validations', type: 'integer', cell: ({ spec }) => spec?.validations?.length ?? 0 },
    { name: 'ParamKind', cell: kindOfParams },
    AGE,
  ),
  [`mutatingadmissionpolicies.${GROUP}`]: columns<MutatingAdmissionPolicy>(
    { name: 'Mutations', type: 'integer', cell: ({ spec }) => spec?.mutations?.length ?? 0 },
    { name: 'ParamKind', cell: kindOfParams },
    AGE,
  ),
  [`validatingadmissionpolicybindings.${GROUP}`]: bindings,
  [`mutatingadmissionpolicybindings.${GROUP}`]: bindings,
};

/** `pods: 1/10, requests.cpu: 1/4`: used of what there may be. */
function amounts({ status }: ResourceQuota, areLimits: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([name]) => name.startsWith('limits.') === areLimits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ');
}

function kindOfParams({ spec }: ValidatingAdmissionPolicy | MutatingAdmissionPolicy): string {
  const { apiVersion, kind } = spec?.paramKind ?? {};
  return kind === undefined ? UNSET : `${apiVersion}/${kind}`;
}

function paramsOf({ spec }: ValidatingAdmissionPolicyBinding): string {
  const { name = '', namespace = '', selector } = spec?.paramRef ?? {};
  if (name !== '') return namespace === '' ? name : `${namespace}/${name}`;
  return selector === undefined ? UNSET : formatSelector(fromLabelSelector(selector));
}
