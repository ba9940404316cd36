import type { ListQuery, ObjectReference, WatchQuery, WriteOptions } from './client.ts';

/** The address of a collection or an object: `/api/v1/namespaces/default/pods/web/log`. */
export function pathOf(reference: Omit<ObjectReference, 'name'> & { readonly name?: string }): string {
  const { apiVersion, resource, namespace = '', name, subresource } = reference;
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const named = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${within}/${resource}${named}${subresource === undefined ? '' : `/${subresource}`}`;
}

export function listParameters(query: ListQuery): string {
  return parameters({ ...query, limit: query.limit?.toString() });
}

export function watchParameters(query: WatchQuery): string {
  return parameters({ ...query, watch: '1', allowWatchBookmarks: 'true' });
}

export function writeParameters(options: WriteOptions): string {
  return parameters({
    fieldManager: options.fieldManager,
    dryRun: options.dryRun === true ? 'All' : undefined,
    force: options.force === true ? 'true' : undefined,
  });
}

function parameters(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
