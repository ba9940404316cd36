import { equalJson } from '../../../api/json.ts';
import type { ApiObject, ObjectMeta } from '../../../api/kind.ts';
import type {
  AggregationRule,
  ClusterRole,
  PolicyRule,
  RoleBinding,
  SubjectRbacV1,
} from '../../../api/types.generated.ts';
import type { LiveView } from '../../live.ts';
import { compact, uncovered } from '../rbac/covers.ts';
import { RBAC_GROUP } from '../rbac/rbac.ts';
import { AUTO_UPDATE, bindingObject, DEFAULT_BINDINGS, DEFAULT_ROLES, roleObject } from './objects.ts';

/** One write that brings a default role or binding in order. */
export interface DefaultStep {
  /** `replace`: a binding's role cannot be changed, so the old one goes first. */
  readonly kind: 'create' | 'update' | 'replace';
  /** `clusterroles`, … */
  readonly resource: string;
  readonly object: ApiObject;
}

/**
 * What is missing of the default roles and bindings. What somebody added stays, and so does an object whose
 * annotation says that it is not to be updated. Nothing to do on every start but the first.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
 */
export function planDefaults(live: LiveView): DefaultStep[] {
  const wanted = [...DEFAULT_ROLES.map(roleObject), ...DEFAULT_BINDINGS.map(bindingObject)];
  return wanted.flatMap((each) => {
    const object = each as unknown as ApiObject; // Made here, complete.
    const resource = `${object.kind.toLowerCase()}s`;
    const { namespace = '', name } = object.metadata;
    const there = live.of(`${resource}.${RBAC_GROUP}`).get(namespace, name);
    return there === undefined ? [{ kind: 'create', resource, object }] : change(resource, object, there);
  });
}

function change(resource: string, wanted: ApiObject, there: Readonly<ApiObject>): DefaultStep[] {
  if (there.metadata.annotations?.[AUTO_UPDATE] === 'false') return [];
  if (resource.endsWith('bindings') && !equalJson(wanted.roleRef, there.roleRef))
    return [{ kind: 'replace', resource, object: wanted }];
  const fixed = resource.endsWith('bindings') ? withSubjects(wanted, there) : withRules(wanted, there);
  const object = { ...fixed, metadata: withMarks(wanted.metadata, there.metadata) };
  return equalJson(object, there) ? [] : [{ kind: 'update', resource, object }];
}

function withRules(wanted: ApiObject, there: Readonly<ApiObject>): ApiObject {
  const { rules = [], aggregationRule } = wanted as unknown as ClusterRole; // Made by roleObject().
  const role = there as unknown as ClusterRole; // The registry conformed it.
  if (aggregationRule !== undefined)
    return { ...there, aggregationRule: withSelectors(aggregationRule, role.aggregationRule) };
  const missing = compact(uncovered(role.rules ?? [], rules));
  return missing.length === 0 ? there : { ...there, rules: joined(role.rules, missing) };
}

function withSelectors(wanted: AggregationRule, there: AggregationRule | undefined): AggregationRule {
  const known = there?.clusterRoleSelectors ?? [];
  const missing = (wanted.clusterRoleSelectors ?? []).filter(
    (selector) => !known.some((each) => equalJson(each, selector)),
  );
  return { clusterRoleSelectors: [...known, ...missing] };
}

function joined(rules: readonly PolicyRule[] | undefined, missing: readonly PolicyRule[]): PolicyRule[] {
  return [...(rules ?? []), ...missing];
}

function withSubjects(wanted: ApiObject, there: Readonly<ApiObject>): ApiObject {
  const { subjects = [] } = wanted as unknown as RoleBinding; // Made by bindingObject().
  const known = (there as unknown as RoleBinding).subjects ?? []; // The registry conformed it.
  const missing = subjects.filter((subject) => !known.some((each) => sameSubject(each, subject)));
  return missing.length === 0 ? there : { ...there, subjects: [...known, ...missing] };
}

function sameSubject(a: SubjectRbacV1, b: SubjectRbacV1): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
}

function withMarks(wanted: ObjectMeta, there: Readonly<ObjectMeta>): ObjectMeta {
  return {
    ...there,
    labels: { ...wanted.labels, ...there.labels },
    annotations: { ...wanted.annotations, ...there.annotations },
  };
}
