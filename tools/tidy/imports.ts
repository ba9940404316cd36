/** The import table of ARCHITECTURE.md: which folder of `src` may import which, besides itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  api: ['lib'],
  store: ['lib'],
  cel: ['api', 'lib'],
  access: ['cel', 'api', 'lib'],
  registry: ['store', 'access', 'cel', 'api', 'lib'],
  http: ['registry', 'access', 'api', 'lib'],
  client: ['registry', 'access', 'api', 'lib'],
  controllers: ['client', 'cel', 'api', 'lib'],
  scheduler: ['client', 'api', 'lib'],
  agent: ['client', 'api', 'lib', 'engines', 'network', 'volumes', 'images'],
  engines: ['api', 'lib'],
  network: ['api', 'lib', 'engines'],
  volumes: ['api', 'lib', 'engines'],
  images: ['api', 'lib', 'engines'],
  cli: ['client', 'api', 'lib'],
};

/** Files of another folder that are a port: values and types that anyone who stands beside it may import. */
const PORT_FILES: ReadonlySet<string> = new Set(['engines/sandbox-spec.ts', 'engines/engine.ts']);

/** Folders of ports: only their port files may be imported by the folders named with them here. */
const PORT_ONLY: Readonly<Record<string, readonly string[]>> = {
  network: ['engines'],
  volumes: ['engines'],
  images: ['engines'],
};

/**
 * @param file path below `src`, e.g. `agent/plan.ts`
 * @param imported path below `src` of what it imports
 * @returns what is wrong, or undefined
 */
export function importFault(file: string, imported: string): string | undefined {
  const from = folderOf(file);
  const to = folderOf(imported);
  if (from === to || from === 'main') return undefined;
  if (!MAY_IMPORT[from]?.includes(to)) return `${file}: src/${from} may not import src/${to} (${imported})`;
  if (PORT_ONLY[from]?.includes(to) && !PORT_FILES.has(imported)) {
    return `${file}: of src/${to} only the port may be imported (${imported})`;
  }
  return undefined;
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}
