import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
} from '../../api/discovery.ts';
import type { KindTable } from '../../api/kind.ts';
import { OpenApiDocuments, openApiIndex } from '../../api/openapi-v3.ts';
import type { Documents } from '../services.ts';

/** Discovery and OpenAPI as views of the kind table: a custom kind appears as soon as the table has it. */
export function createDocuments({ kinds }: { kinds: KindTable }): Documents {
  const documents = new OpenApiDocuments(kinds);
  return {
    // Clients that still read the address take an empty one as the one they called.
    coreVersions: () => apiVersions(kinds, ''),
    groups: () => apiGroupList(kinds),
    group: (group) => apiGroup(kinds, group),
    resources: (group, version) => apiResourceList(kinds, group, version),
    aggregated: (root) => aggregatedDiscovery(kinds, root),
    openApiIndex: () => openApiIndex(documents),
    openApi: (group, version) => documents.get(group, version),
  };
}
