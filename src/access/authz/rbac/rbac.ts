import type { ApiObject } from '../../../api/kind.ts';
import type { PolicyRule, Role, RoleBinding, RoleRef } from '../../../api/types.generated.ts';
import type { LiveView } from '../../live.ts';
import type { User } from '../../user.ts';
import type { Attributes, Opinion } from '../authorizer.ts';
import { type Asked, askedPath, askedResource, CompiledRole } from './compiled-role.ts';
import { describeSubject, type Subject, subjectKey } from './subjects.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export interface ResolvedRules {
  readonly rules: readonly PolicyRule[];
  /** Roles that bindings of the user name and that do not exist, as `clusterrole.rbac.authorization.k8s.io "x" not found`. */
  readonly problems: readonly string[];
}

/** Roles and bindings as they are stored now, indexed by subject. */
export interface Rbac {
  authorize(user: User, attributes: Attributes): Opinion | undefined;
  /** Every rule that holds for the user in the namespace (empty: in the whole cluster). */
  rulesFor(user: User, namespace: string): ResolvedRules;
  /** The rules of the role that a binding in the namespace names; undefined when there is no such role. */
  rulesOf(role: RoleRef, namespace: string): readonly PolicyRule[] | undefined;
}

/** A role as bindings hold it: there, or not (yet). */
interface RoleSlot {
  readonly problem: string;
  compiled: CompiledRole | undefined;
}

interface Entry {
  readonly slot: RoleSlot;
  /** For the audit log and `SubjectAccessReview`, in upstream's words. */
  readonly opinion: Opinion;
}

/** Bindings of one namespace, or of the cluster. */
interface Scope {
  readonly users: Map<string, Set<Entry>>;
  readonly groups: Map<string, Set<Entry>>;
}

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export function createRbac(live: LiveView): Rbac {
  const index = new RbacIndex();
  for (const resource of ['clusterroles', 'roles'])
    live.of(`${resource}.${RBAC_GROUP}`).listen((object, gone) => index.putRole(object, gone));
  for (const resource of ['clusterrolebindings', 'rolebindings'])
    live.of(`${resource}.${RBAC_GROUP}`).listen((object, gone) => index.putBinding(object, gone));
  return index;
}

class RbacIndex implements Rbac {
  /** By namespace and name; cluster roles have no namespace. */
  readonly #roles = new Map<string, RoleSlot>();
  /** By namespace; empty for the cluster's. */
  readonly #scopes = new Map<string, Scope>();
  /** What each binding put into its scope, to take it out again. */
  readonly #bound = new Map<string, readonly (() => void)[]>();

  authorize(user: User, attributes: Attributes): Opinion | undefined {
    const isPath = attributes.kind === 'path';
    const asked = isPath ? askedPath(attributes) : askedResource(attributes);
    const namespace = isPath ? '' : attributes.namespace;
    const allowed =
      this.#find(this.#scopes.get(''), user, asked) ??
      (namespace === '' ? undefined : this.#find(this.#scopes.get(namespace), user, asked));
    if (allowed !== undefined) return allowed;
    const problems = new Set<string>();
    for (const { slot } of this.#entries(user, namespace))
      if (slot.compiled === undefined) problems.add(slot.problem);
    if (problems.size === 0) return undefined;
    return { verdict: 'none', reason: `RBAC: ${listed([...problems])}` };
  }

  rulesFor(user: User, namespace: string): ResolvedRules {
    const roles = new Set<CompiledRole>();
    const problems = new Set<string>();
    for (const { slot } of this.#entries(user, namespace)) {
      if (slot.compiled === undefined) problems.add(slot.problem);
      else roles.add(slot.compiled);
    }
    return { rules: [...roles].flatMap(({ rules }) => rules), problems: [...problems] };
  }

  rulesOf({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#roles.get(keyOf(kind === 'Role' ? namespace : '', name))?.compiled?.rules;
  }

  putRole(object: Readonly<ApiObject>, gone: boolean): void {
    const { rules } = object as unknown as Role; // The registry conformed it; a ClusterRole has the same.
    const { namespace = '', name } = object.metadata;
    const slot = this.#slot(namespace, name);
    slot.compiled = gone ? undefined : new CompiledRole(rules ?? []);
  }

  putBinding(object: Readonly<ApiObject>, gone: boolean): void {
    const { roleRef, subjects = [] } = object as unknown as RoleBinding; // The registry conformed it.
    const { namespace = '', name } = object.metadata;
    const key = keyOf(namespace, name);
    for (const remove of this.#bound.get(key) ?? []) remove();
    this.#bound.delete(key);
    if (gone) return;
    const slot = this.#slot(roleRef.kind === 'Role' ? namespace : '', roleRef.name);
    const binding = namespace === '' ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`;
    const role = `${roleRef.kind} "${roleRef.name}"`;
    this.#bound.set(
      key,
      subjects.map((subject) => {
        const reason = `RBAC: allowed by ${binding} of ${role} to ${describeSubject(subject, namespace)}`;
        return this.#bind(namespace, subject, { slot, opinion: { verdict: 'allow', reason } });
      }),
    );
  }

  /** @returns how to undo it */
  #bind(namespace: string, subject: Subject, entry: Entry): () => void {
    const { isGroup, name } = subjectKey(subject, namespace);
    const scope = this.#scopes.get(namespace) ?? { users: new Map(), groups: new Map() };
    this.#scopes.set(namespace, scope);
    const kind = isGroup ? scope.groups : scope.users;
    const entries = kind.get(name) ?? new Set();
    kind.set(name, entries);
    entries.add(entry);
    return () => {
      entries.delete(entry);
      if (entries.size > 0) return;
      kind.delete(name);
      if (scope.users.size + scope.groups.size === 0) this.#scopes.delete(namespace);
    };
  }

  #slot(namespace: string, name: string): RoleSlot {
    const key = keyOf(namespace, name);
    const known = this.#roles.get(key);
    if (known !== undefined) return known;
    const what = namespace === '' ? 'clusterrole' : 'role';
    const made = { compiled: undefined, problem: `${what}.${RBAC_GROUP} "${name}" not found` };
    this.#roles.set(key, made);
    return made;
  }

  #find(scope: Scope | undefined, user: User, asked: Asked): Opinion | undefined {
    if (scope === undefined) return undefined;
    const own = firstAllowing(scope.users.get(user.name), asked);
    if (own !== undefined) return own;
    for (const group of user.groups) {
      const found = firstAllowing(scope.groups.get(group), asked);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  *#entries(user: User, namespace: string): Generator<Entry> {
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      const bindings = this.#scopes.get(scope);
      if (bindings === undefined) continue;
      yield* bindings.users.get(user.name) ?? [];
      for (const group of user.groups) yield* bindings.groups.get(group) ?? [];
    }
  }
}

function firstAllowing(entries: ReadonlySet<Entry> | undefined, asked: Asked): Opinion | undefined {
  if (entries === undefined) return undefined;
  for (const { slot, opinion } of entries) if (slot.compiled?.allows(asked) === true) return opinion;
  return undefined;
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Several errors as Go's aggregate writes them. */
function listed(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`;
}
