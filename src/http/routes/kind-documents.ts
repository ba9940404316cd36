import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../../api/discovery.ts';
import type { KindTable } from '../../api/kind.ts';
import { OpenApiDocuments, openApiIndex } from '../../api/openapi-v3.ts';
import type { Extension } from '../aggregation/extension.ts';
import type { Extensions } from '../aggregation/extensions.ts';
import type { Documents } from '../services.ts';

/** Discovery and OpenAPI as views of the kind table: a custom kind appears as soon as the table has it. */
export function createDocuments({
  kinds,
  extensions,
}: {
  kinds: KindTable;
  extensions?: Pick<Extensions, 'all'>;
}): Documents {
  const remotes = () => extensions?.all() ?? [];
  const documents = new OpenApiDocuments(kinds);
  return {
    // Clients that still read the address take an empty one as the one they called.
    coreVersions: () => apiVersions(kinds, ''),
    groups: () => apiGroupList(kinds, remotes()),
    group: (group) => apiGroup(kinds, group, remotes()),
    resources: (group, version) => apiResourceList(kinds, group, version),
    aggregated: (root) => aggregatedDiscovery(kinds, root, remotes()),
    openApiIndex: () => openApiIndex(documents, remoteUrls(remotes())),
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
