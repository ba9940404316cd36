import type { LabelSelector } from '../label-selector.ts';
import type { PersistentVolumeClaim, Pod, ResourceQuotaSpec } from '../types.generated.ts';

interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/**
 * Whether the scopes of a quota cover an object. Most are of pods; what no scope speaks of is covered by a quota
 * without scopes only. https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
 */
export function matchesScopes(spec: ResourceQuotaSpec, resource: string, object: unknown): boolean {
  return scopesOf(spec).every((scope) => matches(scope, resource, object));
}

export function scopesOf({ scopes = [], scopeSelector }: ResourceQuotaSpec): readonly Scope[] {
  const plain = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(scopeSelector?.matchExpressions ?? [])];
}

function matches(scope: Scope, resource: string, object: unknown): boolean {
  if (scope.scopeName === 'VolumeAttributesClass') {
    if (resource !== 'persistentvolumeclaims') return false;
    const { spec } = object as PersistentVolumeClaim; // As the resource says.
    return matchesName(scope, spec?.volumeAttributesClassName ?? '');
  }
  if (resource !== 'pods') return false;
  const pod = object as Pod; // As above.
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return matchesName(scope, pod.spec?.priorityClassName ?? '');
    case 'CrossNamespacePodAffinity':
      return usesOtherNamespaces(pod);
    default:
      return false;
  }
}

function matchesName({ operator, values = [] }: Scope, name: string): boolean {
  switch (operator) {
    case 'In':
      return values.includes(name);
    case 'NotIn':
      return !values.includes(name);
    case 'DoesNotExist':
      return name === '';
    default:
      return name !== '';
  }
}

function isTerminating({ spec }: Pod): boolean {
  return (spec?.activeDeadlineSeconds ?? -1) >= 0;
}

function isBestEffort({ spec }: Pod): boolean {
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), { resources: spec?.resources }];
  return all.every(({ resources }) =>
    [resources?.requests, resources?.limits].every((amounts) =>
      ['cpu', 'memory'].every((name) => (amounts?.[name] ?? '0') === '0'),
    ),
  );
}

interface Term {
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelector;
}

function usesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms: readonly Term[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }) => podAffinityTerm,
    ),
  ]);
  return terms.some(
    ({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined,
  );
}
