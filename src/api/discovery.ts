import { groupPriority, versionPriority } from './group-priorities.ts';
import { apiVersionOf, type Kind, type KindTable, type Subresource } from './kind.ts';

export interface GroupVersions {
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly string[];
}

/** A group and version that another server serves, as its APIService says. */
export interface RemoteVersion {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  /** `APIResourceDiscovery` of each resource; undefined while they are not known. */
  readonly resources?: readonly unknown[];
}

/** Served groups in discovery order: upstream's for built-in ones, then custom ones by name; others by their priority. */
export function servedGroups(
  table: KindTable,
  remotes: readonly RemoteVersion[] = [],
): readonly GroupVersions[] {
  const groups = new Map<string, { priority: number; versions: Map<string, number> }>();
  const add = (at: { group: string; version: string }, groupRank: number, versionRank: number) => {
    const known = groups.get(at.group) ?? { priority: groupRank, versions: new Map<string, number>() };
    known.priority = Math.max(known.priority, groupRank);
    known.versions.set(at.version, versionRank);
    groups.set(at.group, known);
  };
  for (const one of table.all()) add(one, groupPriority(one.group), versionPriority(one.group, one.version));
  for (const one of remotes) add(one, one.groupPriority, one.versionPriority);
  return [...groups]
    .sort(([a, left], [b, right]) => coreFirst(a, b) || right.priority - left.priority || (a < b ? -1 : 1))
    .map(([group, { versions }]) => ({
      group,
      versions: [...versions]
        .sort(([a, left], [b, right]) => right - left || compareVersions(a, b))
        .map(([version]) => version),
    }));
}

function coreFirst(a: string, b: string): number {
  return Number(b === '') - Number(a === '');
}

/** v2, v1, v1beta2, v1beta1, v1alpha1, then anything else by name: upstream's priority of versions. */
export function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : Number(a > b);
    return left === undefined ? 1 : -1;
  }
  const differs = left.findIndex((part, index) => part !== right[index]);
  return differs < 0 ? 0 : (right[differs] ?? 0) - (left[differs] ?? 0);
}

function versionRank(version: string): readonly number[] | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor] = match;
  const stability = stage === undefined ? 2 : Number(stage === 'beta');
  return [stability, Number(major), Number(minor ?? 0)];
}

/** `/api` (core) or `/apis` for clients that accept `apidiscovery.k8s.io/v2`. */
export function aggregatedDiscovery(
  table: KindTable,
  root: 'api' | 'apis',
  remotes: readonly RemoteVersion[] = [],
): unknown {
  const items = servedGroups(table, remotes)
    .filter(({ group }) => (group === '') === (root === 'api'))
    .map(({ group, versions }) => ({
      metadata: { ...(group === '' ? {} : { name: group }), creationTimestamp: null },
      versions: versions.map((version) => {
        const remote = remotes.find((one) => one.group === group && one.version === version);
        return {
          version,
          resources:
            remote === undefined
              ? kindsOf(table, group, version).map(discoveryResource)
              : (remote.resources ?? []),
          freshness: remote !== undefined && remote.resources === undefined ? 'Stale' : 'Current',
        };
      }),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function discoveryResource(kind: Kind): unknown {
  const subresources = kind.subresources.map((sub) => ({
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: kind.resource,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...names(kind),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

/** `/api`. `serverAddress`: host and port as the client reaches it. */
export function apiVersions(table: KindTable, serverAddress: string): unknown {
  const core = servedGroups(table).find(({ group }) => group === '');
  return {
    kind: 'APIVersions',
    versions: core?.versions ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis` */
export function apiGroupList(table: KindTable, remotes: readonly RemoteVersion[] = []): unknown {
  const groups = servedGroups(table, remotes).filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupFacts) };
}

/** `/apis/{group}`; undefined when it is not served. */
export function apiGroup(table: KindTable, name: string, remotes: readonly RemoteVersion[] = []): unknown {
  const found = servedGroups(table, remotes).find(({ group }) => group === name && group !== '');
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupFacts(found) };
}

function groupFacts({ group, versions }: GroupVersions) {
  const listed = versions.map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: group, versions: listed, preferredVersion: listed[0] };
}

/** `/api/v1`, `/apis/{group}/{version}`; undefined when it is not served. */
export function apiResourceList(table: KindTable, group: string, version: string): unknown {
  const kinds = kindsOf(table, group, version);
  if (kinds.length === 0) return undefined;
  const resources = kinds.flatMap((kind) => [
    {
      name: kind.resource,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: kind.verbs,
      ...names(kind),
    },
    ...kind.subresources.map((sub) => legacySubresource(kind, sub)),
  ]);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources,
  };
}

function legacySubresource(kind: Kind, sub: Subresource): unknown {
  const elsewhere = sub.group !== kind.group || sub.version !== kind.version;
  return {
    name: `${kind.resource}/${sub.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(elsewhere ? { group: sub.group, version: sub.version } : {}),
    kind: sub.kind,
    verbs: sub.verbs,
  };
}

function names({ shortNames, categories }: Kind) {
  return {
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

function kindsOf(table: KindTable, group: string, version: string): Kind[] {
  return table
    .all()
    .filter((kind) => kind.group === group && kind.version === version)
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}
