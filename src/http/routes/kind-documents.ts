import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../../api/discovery.ts';
import type { Kind, KindTable } from '../../api/kind.ts';
import { hashOf } from '../../api/openapi-v2.ts';
import { OpenApiDocuments, openApiIndex } from '../../api/openapi-v3.ts';
import type { Extension } from '../aggregation/extension.ts';
import type { Extensions } from '../aggregation/extensions.ts';
import type { Documents, TaggedDocument } from '../services.ts';
import { OpenApiV2 } from './openapi-v2.ts';

/** Discovery and OpenAPI as views of the kind table: a custom kind appears as soon as the table has it. */
export function createDocuments({
  kinds,
  extensions,
}: {
  kinds: KindTable;
  extensions?: Pick<Extensions, 'all'>;
}): Documents {
  const version2 = new OpenApiV2(kinds);
  const discovery = { api: discoveryOf(kinds, 'api'), apis: discoveryOf(kinds, 'apis') };
  const remotes = () => extensions?.all() ?? [];
  const documents = new OpenApiDocuments(kinds);
  return {
    // Clients that still read the address take an empty one as the one they called.
    coreVersions: () => apiVersions(kinds, ''),
    groups: () => apiGroupList(kinds, remotes()),
    group: (group) => apiGroup(kinds, group, remotes()),
    resources: (group, version) => apiResourceList(kinds, group, version),
    aggregated: (root) => discovery[root](kinds.all(), remotes()),
    openApiIndex: () => openApiIndex(documents, remoteUrls(remotes())),
    openApiV2: () => version2.get(),
    openApi: (group, version) => documents.get(group, version),
  };
}

/** Where the documents of extension servers are, by path; those that answer and have one. */
function remoteUrls(remotes: readonly Extension[]): Record<string, string> {
  const described = remotes.flatMap(({ group, version, isAvailable, openApiUrl }) =>
    isAvailable && openApiUrl !== undefined ? [[`apis/${group}/${version}`, openApiUrl] as const] : [],
  );
  return Object.fromEntries(described);
}

/** Encoded again only when a kind or what another server serves has changed: every client reads it when it starts. */
function discoveryOf(
  table: KindTable,
  root: 'api' | 'apis',
): (kinds: readonly Kind[], remotes: readonly Extension[]) => TaggedDocument {
  let made: { readonly from: readonly unknown[]; readonly document: TaggedDocument } | undefined;
  return (kinds, remotes) => {
    // The table gives the same list until a kind comes or goes.
    const from = [kinds, ...remotes.flatMap((one) => [one, one.resources])];
    const known = made;
    if (known?.from.length === from.length && known.from.every((one, index) => one === from[index]))
      return known.document;
    const json = Buffer.from(JSON.stringify(aggregatedDiscovery(table, root, remotes)));
    made = { from, document: { json, hash: hashOf(json) } };
    return made.document;
  };
}
