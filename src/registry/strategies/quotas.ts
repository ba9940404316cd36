import type { JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { qualifiedName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';
import { immutable } from '../validation/immutable.ts';
import { isWhole, notNegativeQuantity } from '../validation/quantities.ts';

export const quotas: Strategy = {
  resource: 'resourcequotas',
  returnsDeleted: true,
  validate: validateQuota,
  validateUpdate: (quota, old) =>
    immutable({ next: part(quota, 'spec'), before: part(old, 'spec'), path: 'spec' }, 'scopes'),
};

const STANDARD: ReadonlySet<string> = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'requests.storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);
/** Counts of objects: whole numbers. */
const COUNTS: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'services.nodeports',
  'services.loadbalancers',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
]);
const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const OPERATORS = ['DoesNotExist', 'Exists', 'In', 'NotIn'];

function validateQuota(quota: Readonly<ApiObject>): ErrorDetail[] {
  const spec = part(quota, 'spec');
  const details: ErrorDetail[] = [];
  for (const [name, amount] of Object.entries(part(spec, 'hard'))) {
    const at = `spec.hard[${name}]`;
    details.push(...validateQuotaName(name, at));
    const wrong = notNegativeQuantity(amount, at);
    details.push(...wrong);
    if (wrong.length === 0 && COUNTS.has(name) && !isWhole(amount))
      details.push(invalid(at, amount, 'must be an integer'));
  }
  const scopes = Array.isArray(spec.scopes) ? spec.scopes.map(String) : [];
  if (scopes.some((scope) => !SCOPES.includes(scope)))
    details.push(invalid('spec.scopes', scopes, 'unsupported scope'));
  const excluding = [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ].some((pair) => pair.every((scope) => scopes.includes(scope)));
  if (excluding) details.push(invalid('spec.scopes', scopes, 'conflicting scopes'));
  const expressions = items(part(spec, 'scopeSelector'), 'matchExpressions');
  const used = [...scopes, ...expressions.map((expression) => text(expression, 'scopeName'))];
  const hard = Object.keys(part(spec, 'hard'));
  if (used.some((scope) => hard.some((name) => !covers(scope, name))))
    details.push(invalid('spec.scopes', used, 'unsupported scope applied to resource'));
  for (const [index, expression] of expressions.entries())
    details.push(...validateScope(expression, `spec.scopeSelector.matchExpressions[${index}]`));
  return details;
}

/** What a scope may be of: the objects that it speaks of, and of pods without requests only their number. */
function covers(scope: string, name: string): boolean {
  if (!SCOPES.includes(scope)) return true; // Refused by itself.
  if (name === 'pods' || name === 'count/pods') return scope !== 'VolumeAttributesClass';
  if (scope === 'BestEffort') return false;
  const isStorage = /^(requests\.)?storage$|^persistentvolumeclaims$|\.storageclass\.storage\.k8s\.io\//.test(
    name,
  );
  if (scope === 'VolumeAttributesClass') return isStorage || name === 'count/persistentvolumeclaims';
  return !isStorage && (STANDARD.has(name) || /^(requests|limits|hugepages-)/.test(name));
}

function validateQuotaName(name: string, field: string): ErrorDetail[] {
  const details = qualifiedName(name).map((why) => invalid(field, name, why));
  if (details.length > 0 || name.includes('/') || STANDARD.has(name) || COUNTS.has(name)) return details;
  if (/^(count|requests\.hugepages-|hugepages-|requests\.|limits\.)/.test(name)) return details;
  return [invalid(field, name, 'must be a standard resource for quota')];
}

function validateScope(expression: JsonObject, path: string): ErrorDetail[] {
  const scope = text(expression, 'scopeName');
  const operator = text(expression, 'operator');
  const values = Array.isArray(expression.values) ? expression.values : [];
  const details: ErrorDetail[] = [];
  if (!SCOPES.includes(scope)) details.push(invalid(`${path}.scopeName`, scope, 'unsupported scope'));
  if (!OPERATORS.includes(operator))
    details.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'));
  if (scope !== 'PriorityClass' && scope !== 'VolumeAttributesClass' && operator !== 'Exists')
    details.push(
      invalid(
        `${path}.operator`,
        operator,
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  const needs = operator === 'In' || operator === 'NotIn';
  if (needs && values.length === 0)
    details.push(
      required(
        `${path}.values`,
        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ),
    );
  if (!needs && values.length > 0)
    details.push(
      invalid(
        `${path}.values`,
        values,
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      ),
    );
  return details;
}
