import { equalJson } from '../../api/json.ts';
import { tryParseQuantity } from '../../api/quantity.ts';
import { scopesOf } from '../../api/quota/scopes.ts';
import type { ResourceQuota, ResourceQuotaSpec } from '../../api/types.generated.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { forbidden, invalid, notSupported, required } from '../field-errors.ts';
import type { Strategy } from '../strategy.ts';

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const POD_COMPUTE = [...COMPUTE, ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`])];
const COUNTED = [
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const NAMES: ReadonlySet<string> = new Set([...POD_COMPUTE, ...COUNTED, 'requests.storage']);
const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const NANO = 1_000_000_000n;

/** https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export const resourceQuotas: Strategy = {
  resource: 'resourcequotas',
  validate(object) {
    const { spec = {} } = object as unknown as ResourceQuota; // The registry conformed it.
    return [...hardFaults(spec), ...scopeFaults(spec)];
  },
  validateUpdate(object, old) {
    const scopesNow = (object as unknown as ResourceQuota).spec?.scopes ?? []; // As above.
    const before = (old as unknown as ResourceQuota).spec?.scopes ?? [];
    return equalJson([...scopesNow].sort(), [...before].sort())
      ? []
      : [invalid('spec.scopes', scopesNow, 'field is immutable')];
  },
};

function hardFaults({ hard = {} }: ResourceQuotaSpec): ErrorDetail[] {
  return Object.entries(hard).flatMap(([name, text]) => {
    const field = `spec.hard[${name}]`;
    if (!isName(name)) return [invalid(field, name, 'must be a standard resource for quota')];
    const amount = tryParseQuantity(text);
    if (typeof amount === 'string') return []; // The schema says so.
    if (amount.nanos < 0n) return [invalid(field, text, 'must be greater than or equal to 0')];
    const isWhole = COUNTED.includes(name) || name.startsWith('count/');
    return isWhole && amount.nanos % NANO !== 0n ? [invalid(field, text, 'must be an integer')] : [];
  });
}

function isName(name: string): boolean {
  return NAMES.has(name) || name.includes('/') || /^(requests\.)?hugepages-/.test(name);
}

/** What each scope may be of: an object that it speaks of. */
function allowedBy(scope: string, name: string): boolean {
  if (scope === 'BestEffort') return name === 'pods' || name === 'count/pods';
  if (scope === 'VolumeAttributesClass')
    return name.includes('persistentvolumeclaims') || name.includes('storage');
  return name === 'pods' || name === 'count/pods' || POD_COMPUTE.includes(name) || isPodResource(name);
}

function isPodResource(name: string): boolean {
  return name.startsWith('requests.') && name !== 'requests.storage';
}

const OPPOSITES = [
  ['Terminating', 'NotTerminating'],
  ['BestEffort', 'NotBestEffort'],
] as const;

function scopeFaults(spec: ResourceQuotaSpec): ErrorDetail[] {
  const scopes = scopesOf(spec);
  const names = scopes.map(({ scopeName }) => scopeName);
  const faults = names
    .filter((name) => !SCOPES.includes(name))
    .map((name) => notSupported('spec.scopes', name, SCOPES));
  for (const pair of OPPOSITES)
    if (pair.every((name) => names.includes(name)))
      faults.push(invalid('spec.scopes', names, 'conflicting scopes'));
  for (const scope of names.filter((name) => SCOPES.includes(name)))
    if (Object.keys(spec.hard ?? {}).some((name) => !allowedBy(scope, name)))
      faults.push(invalid('spec.scopes', names, 'unsupported scope applied to resource'));
  return [...faults, ...selectorFaults(spec)];
}

function selectorFaults({ scopeSelector }: ResourceQuotaSpec): ErrorDetail[] {
  const field = 'spec.scopeSelector.matchExpressions';
  return (scopeSelector?.matchExpressions ?? []).flatMap(({ operator, scopeName, values = [] }) => {
    const isNamed = scopeName === 'PriorityClass' || scopeName === 'VolumeAttributesClass';
    if (!isNamed && operator !== 'Exists')
      return [
        invalid(
          `${field}.operator`,
          operator,
          "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      ];
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
      return [
        required(
          `${field}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      ];
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
      return [
        forbidden(
          `${field}.values`,
          "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector",
        ),
      ];
    return [];
  });
}
