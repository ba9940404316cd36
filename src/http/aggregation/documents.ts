import { isJsonObject, type JsonObject } from '../../api/json.ts';

/** An `APIResourceList` in the terms of aggregated discovery. @throws TypeError for what is none */
export function discoveryResources(
  list: unknown,
  served: { readonly group: string; readonly version: string },
): unknown[] {
  if (!isJsonObject(list) || !Array.isArray(list.resources))
    throw new TypeError('the answer is no APIResourceList');
  const resources = new Map<string, JsonObject & { subresources: JsonObject[] }>();
  for (const one of list.resources.filter(isJsonObject)) {
    const name = String(one.name ?? '');
    const [resource = '', subresource] = name.split('/', 2);
    const responseKind = {
      group: String(one.group || served.group),
      version: String(one.version || served.version),
      kind: String(one.kind ?? ''),
    };
    const scope = one.namespaced === true ? 'Namespaced' : 'Cluster';
    const known = resources.get(resource) ?? { resource, scope, verbs: [], subresources: [] };
    resources.set(resource, known);
    if (subresource === undefined)
      Object.assign(known, {
        responseKind,
        scope,
        singularResource: one.singularName ?? '',
        verbs: one.verbs ?? [],
        ...(Array.isArray(one.shortNames) ? { shortNames: one.shortNames } : {}),
        ...(Array.isArray(one.categories) ? { categories: one.categories } : {}),
      });
    else known.subresources.push({ subresource, responseKind, verbs: one.verbs ?? [] });
  }
  return [...resources.values()].map(({ subresources, ...rest }) =>
    subresources.length === 0 ? rest : { ...rest, subresources },
  );
}

/** Where an index of OpenAPI v3 documents says that one is; undefined when it does not. */
export function openApiUrlOf(index: unknown, path: string): string | undefined {
  const paths = isJsonObject(index) ? index.paths : undefined;
  const found = isJsonObject(paths) && Object.hasOwn(paths, path) ? paths[path] : undefined;
  const url = isJsonObject(found) ? found.serverRelativeURL : undefined;
  // What is elsewhere would be fetched from us.
  return typeof url === 'string' && url.startsWith(`/openapi/v3/${path}`) ? url : undefined;
}
