import type { GroupVersionKind, OpenApiDocument } from './openapi.ts';

export interface ResourceFacts extends GroupVersionKind {
  readonly resource: string;
  namespaced: boolean;
  readonly verbs: string[];
  readonly subresources: SubresourceFacts[];
}

export interface SubresourceFacts extends GroupVersionKind {
  readonly name: string;
  readonly verbs: string[];
}

interface Operation {
  readonly 'x-kubernetes-action'?: string;
  readonly 'x-kubernetes-group-version-kind'?: GroupVersionKind;
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>v\d+)\/(?<watch>watch\/)?(?<namespaced>namespaces\/\{namespace\}\/)?(?<resource>[a-z]+)(?<named>\/\{name\}(?:\/(?<sub>[a-z]+))?)?$/;

const ACTIONS: Readonly<Record<string, string>> = {
  post: 'create',
  delete: 'delete',
  deletecollection: 'deletecollection',
  get: 'get',
  list: 'list',
  patch: 'patch',
  put: 'update',
  watchlist: 'watch',
};

const CONNECT_METHODS: Readonly<Record<string, string>> = {
  post: 'create',
  delete: 'delete',
  get: 'get',
  patch: 'patch',
  put: 'update',
};

/** Every resource of every generally available group-version (`v1`, `v2`), read from the paths. */
export function collectResources(paths: OpenApiDocument['paths']): ResourceFacts[] {
  const found = new Map<string, ResourceFacts>();
  for (const [path, methods] of Object.entries(paths)) {
    const match = PATH.exec(path)?.groups;
    if (match?.resource === undefined || match.version === undefined) continue;
    const { group = '', version, resource, sub } = match;
    for (const [method, value] of Object.entries(methods)) {
      // A path item maps methods to operations; "parameters" is the one other member, and has no action.
      const operation = value as Operation;
      const verb = verbOf(method, operation['x-kubernetes-action']);
      const gvk = operation['x-kubernetes-group-version-kind'];
      if (verb === undefined || gvk === undefined) continue;
      const key = `${group}/${version}/${resource}`;
      const known = found.get(key) ?? {
        group,
        version,
        kind: gvk.kind,
        resource,
        namespaced: false,
        verbs: [],
        subresources: [],
      };
      found.set(key, known);
      if (match.namespaced !== undefined) known.namespaced = true;
      addVerb(sub === undefined ? known : subresourceOf(known, sub, gvk), verb);
    }
  }
  return [...found.values()];
}

function verbOf(method: string, action: string | undefined): string | undefined {
  if (action === undefined) return undefined;
  return action === 'connect' ? CONNECT_METHODS[method] : ACTIONS[action];
}

function subresourceOf(resource: ResourceFacts, name: string, gvk: GroupVersionKind): SubresourceFacts {
  const known = resource.subresources.find((sub) => sub.name === name);
  if (known !== undefined) return known;
  const added = { name, group: gvk.group, version: gvk.version, kind: gvk.kind, verbs: [] };
  resource.subresources.push(added);
  return added;
}

function addVerb(to: { readonly verbs: string[] }, verb: string): void {
  if (!to.verbs.includes(verb)) to.verbs.push(verb);
  to.verbs.sort();
}
