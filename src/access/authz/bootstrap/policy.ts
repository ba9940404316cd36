import type { PolicyRule } from '../../../api/types.generated.ts';

/** A role that every cluster has: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings */
export interface DefaultRole {
  readonly name: string;
  /** Left out: a cluster role. */
  readonly namespace?: string;
  readonly rules: readonly PolicyRule[];
  /** Gathers the rules of the cluster roles labelled so, instead of having rules. */
  readonly gathers?: Aggregate;
  /** Is gathered by that role. */
  readonly into?: Aggregate;
}

export type Aggregate = 'admin' | 'edit' | 'view';

export interface DefaultBinding {
  /** Left out: its role's. */
  readonly name?: string;
  readonly role: string;
  /** Of the role and of the binding; left out: both are the cluster's. */
  readonly namespace?: string;
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  /** Service accounts of kube-system. */
  readonly accounts?: readonly string[];
}

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';
export const READ_WRITE = 'create delete deletecollection get list patch update watch';

/** @param group empty for the core group; all of the texts name several things with spaces between */
export function rule(
  verbs: string,
  what: { readonly group?: string; readonly resources: string; readonly names?: string },
): PolicyRule {
  const groups = what.group === undefined ? [''] : what.group.split(' ').map(coreGroup);
  return {
    verbs: verbs.split(' '),
    apiGroups: groups,
    resources: what.resources.split(' '),
    ...(what.names === undefined ? {} : { resourceNames: what.names.split(' ') }),
  };
}

export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: verbs.split(' '), nonResourceURLs: urls.split(' ') };
}

export const EVENTS = rule('create patch update', { group: 'core events.k8s.io', resources: 'events' });

/** The core group has no name to write among others. */
function coreGroup(name: string): string {
  return name === 'core' ? '' : name;
}
