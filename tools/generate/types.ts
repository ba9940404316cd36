import { type Definition, type OpenApiDocument, type Property, refName } from './openapi.ts';

/** What has a TypeScript type of its own instead of an interface made from its properties. */
const SPECIAL: Readonly<Record<string, string>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'string',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'string',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'string',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'number | string',
};

/** TypeScript interfaces of every generally available definition, for code that handles known kinds. */
export function generateTypes(document: OpenApiDocument): string {
  const names = typeNames(
    Object.keys(document.definitions).filter((id) => document.definitions[id]?.properties !== undefined),
  );
  const lines = ['// Made by `npm run generate`. Do not edit.'];
  for (const [id, name] of names) {
    const definition = document.definitions[id];
    if (definition?.properties !== undefined) lines.push('', ...interfaceLines(name, definition, names));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Short names: the last segment, `Pod`; where two definitions share it, all but the core one carry group and
 * version: `HorizontalPodAutoscalerAutoscalingV2`.
 */
function typeNames(ids: readonly string[]): Map<string, string> {
  const served = ids.filter((id) => !/\.v\d+(alpha|beta)\d+\./.test(id)).sort(coreFirst);
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const id of served) {
    const parts = id.split('.');
    const short = parts.at(-1) ?? id;
    const long = short + capital(parts.at(-3) ?? '') + capital(parts.at(-2) ?? '');
    const name = taken.has(short) ? long : short;
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

function coreFirst(a: string, b: string): number {
  const rank = (id: string) => (id.includes('.core.v1.') || id.includes('.meta.v1.') ? 0 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function interfaceLines(name: string, definition: Definition, names: ReadonlyMap<string, string>): string[] {
  const required = new Set(definition.required);
  const fields = Object.entries(definition.properties ?? {}).map(([field, property]) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field);
    return `  ${key}${required.has(field) ? '' : '?'}: ${typeOf(property, names)};`;
  });
  return [`export interface ${name} {`, ...fields, '}'];
}

function typeOf(property: Property, names: ReadonlyMap<string, string>): string {
  if (property.$ref !== undefined) {
    const id = refName(property.$ref);
    return SPECIAL[id] ?? names.get(id) ?? 'unknown';
  }
  if (property.type === 'array')
    return `Array<${property.items === undefined ? 'unknown' : typeOf(property.items, names)}>`;
  if (property.additionalProperties !== undefined)
    return `Record<string, ${typeOf(property.additionalProperties, names)}>`;
  if (property.type === 'integer' || property.type === 'number') return 'number';
  if (property.type === 'string' || property.type === 'boolean') return property.type;
  return 'unknown';
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
