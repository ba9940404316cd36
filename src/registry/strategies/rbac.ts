import { equalJson, isJsonObject, type JsonObject } from '../../api/json.ts';
import type { ApiObject } from '../../api/kind.ts';
import { dns1123Label, dns1123Subdomain, pathSegmentName } from '../../api/meta-validation.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid, notSupported, required } from '../field-errors.ts';
import { items, part, text } from '../fields.ts';
import type { Strategy } from '../strategy.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#api-overview */
export const rbac: readonly Strategy[] = [
  role('roles', (object) => validateRules(object, { namespaced: true })),
  role('clusterroles', (object) => [
    ...validateRules(object, { namespaced: false }),
    ...validateAggregation(object),
  ]),
  binding('rolebindings', true),
  binding('clusterrolebindings', false),
];

function role(resource: string, validate: NonNullable<Strategy['validate']>): Strategy {
  return { resource: `${resource}.${GROUP}`, createOnUpdate: true, validate };
}

function binding(resource: string, namespaced: boolean): Strategy {
  return {
    resource: `${resource}.${GROUP}`,
    createOnUpdate: true,
    defaults(object) {
      const reference = object.roleRef;
      if (isJsonObject(reference) && text(reference, 'apiGroup') === '') reference.apiGroup = GROUP;
      for (const subject of items(object, 'subjects')) {
        const isPerson = subject.kind === 'User' || subject.kind === 'Group';
        if (isPerson && text(subject, 'apiGroup') === '') subject.apiGroup = GROUP;
      }
    },
    validate: (object) => validateBinding(object, namespaced),
    validateUpdate: (object, old) =>
      equalJson(object.roleRef, old.roleRef)
        ? []
        : [invalid('roleRef', object.roleRef, 'cannot change roleRef')],
  };
}

function validateRules(object: Readonly<ApiObject>, { namespaced }: { namespaced: boolean }): ErrorDetail[] {
  return items(object, 'rules').flatMap((rule, index) => {
    const at = `rules[${index}]`;
    const details: ErrorDetail[] = [];
    if (size(rule, 'verbs') === 0)
      details.push(required(`${at}.verbs`, 'verbs must contain at least one value'));
    if (size(rule, 'nonResourceURLs') > 0) return [...details, ...validatePaths(rule, { at, namespaced })];
    if (size(rule, 'apiGroups') === 0)
      details.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
    if (size(rule, 'resources') === 0)
      details.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
    return details;
  });
}

function validatePaths(
  rule: JsonObject,
  { at, namespaced }: { at: string; namespaced: boolean },
): ErrorDetail[] {
  const field = `${at}.nonResourceURLs`;
  const value = rule.nonResourceURLs;
  const details: ErrorDetail[] = [];
  if (namespaced) details.push(invalid(field, value, 'namespaced rules cannot apply to non-resource URLs'));
  if (size(rule, 'apiGroups') + size(rule, 'resources') + size(rule, 'resourceNames') > 0)
    details.push(invalid(field, value, 'rules cannot apply to both regular resources and non-resource URLs'));
  return details;
}

function validateAggregation(object: Readonly<ApiObject>): ErrorDetail[] {
  if (!isJsonObject(object.aggregationRule)) return [];
  if (items(object.aggregationRule, 'clusterRoleSelectors').length > 0) return [];
  return [
    required(
      'aggregationRule.clusterRoleSelectors',
      'at least one clusterRoleSelector required if aggregationRule is non-nil',
    ),
  ];
}

function validateBinding(object: Readonly<ApiObject>, namespaced: boolean): ErrorDetail[] {
  const reference = part(object, 'roleRef');
  const details: ErrorDetail[] = [];
  if (reference.apiGroup !== GROUP)
    details.push(notSupported('roleRef.apiGroup', reference.apiGroup, [GROUP]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(text(reference, 'kind')))
    details.push(notSupported('roleRef.kind', reference.kind, kinds));
  const name = text(reference, 'name');
  if (name === '') details.push(required('roleRef.name'));
  else for (const why of pathSegmentName(name)) details.push(invalid('roleRef.name', name, why));
  for (const [index, subject] of items(object, 'subjects').entries())
    details.push(...validateSubject(subject, { at: `subjects[${index}]`, namespaced }));
  return details;
}

function validateSubject(
  subject: JsonObject,
  { at, namespaced }: { at: string; namespaced: boolean },
): ErrorDetail[] {
  const name = text(subject, 'name');
  const group = text(subject, 'apiGroup');
  const details = name === '' ? [required(`${at}.name`)] : [];
  switch (subject.kind) {
    case 'ServiceAccount':
      if (name !== '')
        for (const why of dns1123Subdomain(name)) details.push(invalid(`${at}.name`, name, why));
      if (group !== '') details.push(notSupported(`${at}.apiGroup`, group, ['']));
      return [...details, ...validateAccountNamespace(text(subject, 'namespace'), { at, namespaced })];
    case 'User':
    case 'Group':
      return group === GROUP ? details : [...details, notSupported(`${at}.apiGroup`, group, [GROUP])];
    default:
      return [...details, notSupported(`${at}.kind`, subject.kind, ['ServiceAccount', 'User', 'Group'])];
  }
}

function validateAccountNamespace(
  namespace: string,
  { at, namespaced }: { at: string; namespaced: boolean },
): ErrorDetail[] {
  if (namespace === '') return namespaced ? [] : [required(`${at}.namespace`)];
  return dns1123Label(namespace).map((why) => invalid(`${at}.namespace`, namespace, why));
}

function size(of: JsonObject, name: string): number {
  const value = of[name];
  return Array.isArray(value) ? value.length : 0;
}
