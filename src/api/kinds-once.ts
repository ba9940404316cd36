import { type Kind, type KindTable, qualifiedResource } from './kind.ts';

/**
 * Every kind that is stored, each once: of one with several versions the one that is stored, or, where that is not
 * served, any other. What is another group's by storage (events.k8s.io) is left out.
 */
export function kindsOnce(kinds: KindTable): Kind[] {
  const found = new Map<string, Kind>();
  for (const kind of kinds.all()) {
    if (kind.storageGroup !== undefined) continue;
    const resource = qualifiedResource(kind);
    if (!found.has(resource) || kind.version === kind.storageVersion) found.set(resource, kind);
  }
  return [...found.values()];
}
