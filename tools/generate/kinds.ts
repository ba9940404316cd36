import { type Definition, type OpenApiDocument, type Property, refName } from './openapi.ts';
import { collectResources, type ResourceFacts } from './resources.ts';

/** What has a code of its own instead of an expansion of its definition. */
const SPECIAL: Readonly<Record<string, string>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 't',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'T',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'q',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'o',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': '*',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': '*',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch': '*',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': '*',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': '*',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': '*',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': '*',
};

/** Definitions wanted although no served path leads to them. */
const EXTRA = ['DeleteOptions', 'Status', 'WatchEvent'].map(
  (kind) => `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`,
);

const LIST_TYPES: Readonly<Record<string, string>> = { atomic: 'a', set: 's', map: 'm' };

/**
 * The table `src/api/kind-facts.ts` reads: one line per resource and per definition. A field is a code: `s`
 * string, `i` int32, `l` int64, `n` number, `b` boolean, `t` time, `T` micro time, `y` bytes, `q` quantity, `o`
 * int-or-string, `*` any, `{x` map of x (`<x`: atomic), `[type keys|strategy|merge key]x` array of x, `#name`
 * another definition; behind a `!` the patch strategy of the field itself.
 */
export function generateKinds(document: OpenApiDocument): string {
  const resources = collectResources(document.paths);
  const definitions = reachable(document, roots(document, resources));
  const lines = [...definitions]
    .sort(byName)
    .map(([id, definition]) => `${JSON.stringify(brief(id))}:${JSON.stringify(encode(definition))}`);
  const rows = resources.map((resource) => JSON.stringify(row(resource)));
  const text = `{"kinds":[\n${rows.join(',\n')}\n],"definitions":{\n${lines.join(',\n')}\n}}`;
  if (/[`\\]|\$\{/.test(text)) throw new Error('the facts cannot stand in a template literal as they are');
  return `// Made by \`npm run generate\`. Do not edit.\nexport const KIND_FACTS: string = \`${text}\`;\n`;
}

function row(resource: ResourceFacts): unknown[] {
  const subresources = resource.subresources.map((sub) => [
    sub.name,
    sub.group,
    sub.version,
    sub.kind,
    sub.verbs.join(' '),
  ]);
  const head = [
    resource.group,
    resource.version,
    resource.kind,
    resource.resource,
    resource.namespaced ? 1 : 0,
  ];
  return [...head, resource.verbs.join(' '), subresources];
}

function roots(document: OpenApiDocument, resources: readonly ResourceFacts[]): string[] {
  const served = new Set<string>();
  for (const { group, version, kind, subresources } of resources) {
    served.add(`${group}/${version}/${kind}`).add(`${group}/${version}/${kind}List`);
    for (const sub of subresources) served.add(`${sub.group}/${sub.version}/${sub.kind}`);
  }
  const found = Object.entries(document.definitions).filter(([, definition]) =>
    definition['x-kubernetes-group-version-kind']?.some((gvk) =>
      served.has(`${gvk.group}/${gvk.version}/${gvk.kind}`),
    ),
  );
  return [...found.map(([id]) => id), ...EXTRA];
}

function reachable(document: OpenApiDocument, from: readonly string[]): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const open = [...from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id) || SPECIAL[id] !== undefined) continue;
    const definition = document.definitions[id];
    if (definition === undefined) throw new Error(`the document has no definition ${id}`);
    found.set(id, definition);
    for (const property of Object.values(definition.properties ?? {})) open.push(...refs(property));
  }
  return found;
}

function refs(property: Property): string[] {
  if (property.$ref !== undefined) return [refName(property.$ref)];
  const inner = property.items ?? property.additionalProperties;
  return inner === undefined ? [] : refs(inner);
}

function encode(definition: Definition): unknown {
  const fields = Object.entries(definition.properties ?? {}).map(([name, property]) => [
    name,
    encodeField(property),
  ]);
  const gvks =
    definition['x-kubernetes-group-version-kind']?.filter(({ version }) => /^v\d+$/.test(version)) ?? [];
  // DeleteOptions and WatchEvent stand in every group; the one of the core group is enough.
  const [gvk] = gvks.length > 1 ? gvks.filter(({ group }) => group === '') : gvks;
  return {
    ...(gvk === undefined ? {} : { k: `${gvk.group}/${gvk.version}/${gvk.kind}` }),
    ...(definition.required === undefined ? {} : { r: definition.required }),
    ...(definition['x-kubernetes-map-type'] === 'atomic' ? { a: 1 } : {}),
    f: Object.fromEntries(fields),
  };
}

function encodeField(property: Property): string {
  const strategy = property['x-kubernetes-patch-strategy'];
  const own = strategy === undefined || property.type === 'array' ? '' : `!${strategy}`;
  return code(property) + own;
}

function code(property: Property): string {
  if (property.$ref !== undefined) {
    const id = refName(property.$ref);
    return SPECIAL[id] ?? `#${brief(id)}`;
  }
  if (property.type === 'array') return arrayCode(property);
  if (property.additionalProperties !== undefined) {
    return (property['x-kubernetes-map-type'] === 'atomic' ? '<' : '{') + code(property.additionalProperties);
  }
  const scalar = SCALARS[`${property.type} ${property.format ?? ''}`.trim()];
  if (scalar === undefined) throw new Error(`no code for ${JSON.stringify(property)}`);
  return scalar;
}

const SCALARS: Readonly<Record<string, string>> = {
  string: 's',
  'string byte': 'y',
  'integer int32': 'i',
  'integer int64': 'l',
  'number double': 'n',
  boolean: 'b',
  object: '*',
};

function arrayCode(property: Property): string {
  if (property.items === undefined) throw new Error('an array without items');
  const type = LIST_TYPES[property['x-kubernetes-list-type'] ?? 'atomic'] ?? 'a';
  const keys = property['x-kubernetes-list-map-keys']?.join(',') ?? '';
  const strategy = property['x-kubernetes-patch-strategy'] ?? '';
  const mergeKey = property['x-kubernetes-patch-merge-key'] ?? '';
  const facts = `${type}${keys}|${strategy}|${mergeKey}`.replace(/\|+$/, '');
  return `[${facts}]${code(property.items)}`;
}

function brief(id: string): string {
  return id.replace(/^io\.k8s\./, '');
}

function byName([a]: [string, Definition], [b]: [string, Definition]): number {
  return a < b ? -1 : 1;
}
