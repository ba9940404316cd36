import { apiVersionOf, type Kind, type KindTable, type Subresource } from '../../api/kind.ts';
import type { Documents, OpenApiDocument } from '../services.ts';

/** Groups in upstream's order of preference; others follow by name. */
const FIRST_GROUPS = [
  '',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
];

/** Discovery as a view of the kind table; OpenAPI through `openApi`, which may be left out. */
export function createDocuments(options: {
  kinds: KindTable;
  openApi?: Pick<Documents, 'openApi' | 'openApiIndex'>;
}): Documents {
  const { kinds } = options;
  return {
    coreVersions: () => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }),
    groups: () => ({
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: groupNames(kinds).map((name) => groupOf(kinds, name)),
    }),
    group: (name) => {
      if (!groupNames(kinds).includes(name)) return undefined;
      return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(kinds, name) };
    },
    resources: (group, version) => resourceList(inVersion(kinds, group, version)),
    aggregated: (root) => ({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
      items: (root === 'api' ? [''] : groupNames(kinds)).map((name) => discoveryOf(kinds, name)),
    }),
    openApiIndex: () => options.openApi?.openApiIndex() ?? { paths: {} },
    openApi: (group, version): OpenApiDocument | undefined => options.openApi?.openApi(group, version),
  };
}

function groupNames(kinds: KindTable): string[] {
  const names = [...new Set(kinds.all().map(({ group }) => group))].filter((name) => name !== '');
  const rank = (name: string) =>
    FIRST_GROUPS.includes(name) ? FIRST_GROUPS.indexOf(name) : FIRST_GROUPS.length;
  return names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Newest stable first: v2, v1, v1beta1. */
function versionsOf(kinds: KindTable, group: string): string[] {
  const versions = new Set(
    kinds
      .all()
      .filter((kind) => kind.group === group)
      .map(({ version }) => version),
  );
  return [...versions].sort((a, b) => stability(b) - stability(a) || (a < b ? 1 : -1));
}

function stability(version: string): number {
  return version.includes('alpha') ? 0 : version.includes('beta') ? 1 : 2;
}

function groupOf(kinds: KindTable, name: string) {
  const versions = versionsOf(kinds, name).map((version) => ({
    groupVersion: `${name}/${version}`,
    version,
  }));
  return { name, versions, preferredVersion: versions[0] };
}

function inVersion(kinds: KindTable, group: string, version: string): Kind[] {
  return kinds
    .all()
    .filter((kind) => kind.group === group && kind.version === version)
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

function resourceList(kinds: readonly Kind[]): unknown {
  const [first] = kinds;
  if (first === undefined) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf(first),
    resources: kinds.flatMap((kind) => [plain(kind), ...kind.subresources.map((sub) => plainSub(kind, sub))]),
  };
}

function plain(kind: Kind) {
  return {
    name: kind.resource,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  };
}

function plainSub(kind: Kind, sub: Subresource) {
  const foreign = sub.group !== kind.group || sub.version !== kind.version;
  return {
    name: `${kind.resource}/${sub.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(foreign ? { group: sub.group, version: sub.version } : {}),
    kind: sub.kind,
    verbs: sub.verbs,
  };
}

function discoveryOf(kinds: KindTable, group: string) {
  return {
    metadata: group === '' ? {} : { name: group },
    versions: versionsOf(kinds, group).map((version) => ({
      version,
      freshness: 'Current',
      resources: inVersion(kinds, group, version).map((kind) => ({
        resource: kind.resource,
        responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
        scope: kind.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: kind.singular,
        verbs: kind.verbs,
        ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
        ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
        ...(kind.subresources.length > 0 ? { subresources: kind.subresources.map(discoverySub) } : {}),
      })),
    })),
  };
}

function discoverySub(sub: Subresource) {
  return {
    subresource: sub.name,
    responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  };
}
