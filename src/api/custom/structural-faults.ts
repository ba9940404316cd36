import { RE2JS } from 're2js';
import type { ErrorDetail } from '../../lib/errors.ts';
import { equalJson, isJsonObject, type JsonObject } from '../json.ts';
import { forbidden, invalid, required } from './faults.ts';
import { flag, list, members, present, text } from './source.ts';

type Level = 'root' | 'item' | 'field';

const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/**
 * Where a schema is not structural, in upstream's words.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function structuralFaults(schema: JsonObject, path: string): ErrorDetail[] {
  const faults = [
    ...invariants(schema, 'root', path),
    ...patternFaults(schema, path),
    ...incomplete(schema, schema, { path, at: path }),
  ];
  return faults.sort((a, b) => (a.field + a.message < b.field + b.message ? -1 : 1));
}

function invariants(schema: JsonObject, level: Level, path: string): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  const { items, additionalProperties: values } = schema;
  if (text(schema, 'type') === 'array' && !isJsonObject(items))
    faults.push(required(`${path}.items`, 'must be specified'));
  if (isJsonObject(items)) faults.push(...invariants(items, 'item', `${path}.items`));
  for (const [key, field] of members(schema))
    faults.push(...invariants(field, 'field', `${path}.properties[${key}]`));
  if (values !== undefined && level === 'root')
    faults.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  if (isJsonObject(values)) faults.push(...invariants(values, 'field', `${path}.additionalProperties`));
  const either = isIntOrString(schema.anyOf);
  const [first] = list(schema, 'allOf');
  return [
    ...faults,
    ...extensionFaults(schema, path),
    ...valueFaults(schema, path, {
      anyOf: either,
      firstOfAll: first !== undefined && isIntOrString(first.anyOf),
    }),
    ...typeFaults(schema, level, path),
    ...metaFaults(schema, level, path),
  ];
}

function isIntOrString(anyOf: unknown): boolean {
  return equalJson(anyOf, INT_OR_STRING);
}

function extensionFaults(schema: JsonObject, path: string): ErrorDetail[] {
  if (!flag(schema, 'x-kubernetes-int-or-string')) return [];
  return ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource']
    .filter((key) => flag(schema, key))
    .map((key) => invalid(`${path}.${key}`, true, 'must be false if x-kubernetes-int-or-string is true'));
}

function typeFaults(schema: JsonObject, level: Level, path: string): ErrorDetail[] {
  const type = text(schema, 'type');
  const embedded = flag(schema, 'x-kubernetes-embedded-resource');
  const faults: ErrorDetail[] = [];
  const field = `${path}.type`;
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    faults.push(type === '' ? required(field, why) : invalid(field, type, why));
  } else if (type === '' && !flag(schema, 'x-kubernetes-int-or-string') && !preserves(schema))
    faults.push(required(field, EMPTY_TYPE[level]));
  if (embedded && schema.additionalProperties !== undefined)
    faults.push(
      forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  if (level === 'root' && type !== '' && type !== 'object')
    faults.push(invalid(field, type, 'must be object at the root'));
  if (embedded && !preserves(schema) && members(schema).length === 0)
    faults.push(
      required(
        `${path}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return faults;
}

function preserves(schema: JsonObject): boolean {
  return flag(schema, 'x-kubernetes-preserve-unknown-fields');
}

/** What a schema may say of the fields that every object has. */
function metaFaults(schema: JsonObject, level: Level, path: string): ErrorDetail[] {
  const checked = level === 'root' || flag(schema, 'x-kubernetes-embedded-resource');
  const faults: ErrorDetail[] = [];
  const fields = new Map(members(schema));
  for (const key of ['kind', 'apiVersion']) {
    const field = fields.get(key);
    const type = field === undefined ? 'string' : text(field, 'type');
    if (checked && type !== 'string')
      faults.push(invalid(`${path}.properties[${key}].type`, type, 'must be string'));
  }
  const meta = fields.get('metadata');
  if (meta === undefined) return faults;
  const at = `${path}.properties[metadata]`;
  if (checked && text(meta, 'type') !== 'object')
    faults.push(invalid(`${at}.type`, text(meta, 'type'), 'must be object'));
  if (level === 'root' && !saysNamesOnly(meta))
    faults.push(
      forbidden(
        at,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  return faults;
}

function saysNamesOnly(meta: JsonObject): boolean {
  const others = Object.keys(meta).filter(
    (key) => !['type', 'default', 'properties'].includes(key) && present(meta, key),
  );
  const names = members(meta).map(([key]) => key);
  return others.length === 0 && names.every((name) => name === 'name' || name === 'generateName');
}

function valueFaults(
  schema: JsonObject,
  path: string,
  skip: { readonly anyOf: boolean; readonly firstOfAll: boolean },
): ErrorDetail[] {
  const faults: ErrorDetail[] = [];
  if (!skip.anyOf)
    for (const [at, one] of list(schema, 'anyOf').entries())
      faults.push(...nested(one, `${path}.anyOf[${at}]`, false));
  for (const [at, one] of list(schema, 'allOf').entries())
    faults.push(...nested(one, `${path}.allOf[${at}]`, skip.firstOfAll && at === 0));
  for (const [at, one] of list(schema, 'oneOf').entries())
    faults.push(...nested(one, `${path}.oneOf[${at}]`, false));
  if (isJsonObject(schema.not)) faults.push(...nested(schema.not, `${path}.not`, false));
  return faults;
}

/** Expressions that are none. The same ones stand in many places: each is compiled once. */
function patternFaults(schema: JsonObject, path: string): ErrorDetail[] {
  const known = new Map<string, string | undefined>();
  return patternsOf(schema, path).flatMap(({ pattern, field }) => {
    if (!known.has(pattern)) known.set(pattern, patternFault(pattern));
    const why = known.get(pattern);
    if (why === undefined) return [];
    return [invalid(field, pattern, `must be a valid regular expression, but isn't: ${why}`)];
  });
}

function patternsOf(
  schema: JsonObject,
  path: string,
): { readonly pattern: string; readonly field: string }[] {
  const pattern = text(schema, 'pattern');
  const parts: [string, JsonObject][] = ['allOf', 'anyOf', 'oneOf'].flatMap((key) =>
    list(schema, key).map((one, at): [string, JsonObject] => [`${key}[${at}]`, one]),
  );
  for (const key of ['items', 'additionalProperties', 'not']) {
    const one = schema[key];
    if (isJsonObject(one)) parts.push([key, one]);
  }
  for (const [key, field] of members(schema)) parts.push([`properties[${key}]`, field]);
  return [
    ...(pattern === '' ? [] : [{ pattern, field: `${path}.pattern` }]),
    ...parts.flatMap(([at, one]) => patternsOf(one, `${path}.${at}`)),
  ];
}

function patternFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What may not stand inside of allOf, anyOf, oneOf and not, and how it has to be. */
const FORBIDDEN: readonly (readonly [string, string])[] = [
  ['type', 'empty'],
  ['additionalProperties', 'undefined'],
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
];

function nested(schema: JsonObject, path: string, skipAnyOf: boolean): ErrorDetail[] {
  const faults = valueFaults(schema, path, { anyOf: skipAnyOf, firstOfAll: false });
  if (isJsonObject(schema.items)) faults.push(...nested(schema.items, `${path}.items`, false));
  for (const [key, field] of members(schema))
    faults.push(...nested(field, `${path}.properties[${key}]`, false));
  for (const [key, be] of FORBIDDEN)
    if (present(schema, key)) faults.push(forbidden(`${path}.${key}`, `must be ${be} to be structural`));
  if (members(schema).some(([key]) => key === 'metadata'))
    faults.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  return faults;
}

/** What allOf, anyOf, oneOf and not speak of must be said outside of them, too. */
function incomplete(
  schema: JsonObject,
  structure: unknown,
  where: { readonly path: string; readonly at: string },
): ErrorDetail[] {
  const { at } = where;
  const parts: (readonly [string, JsonObject])[] = ['allOf', 'anyOf', 'oneOf'].flatMap((key) =>
    list(schema, key).map((one, index): readonly [string, JsonObject] => [`${at}.${key}[${index}]`, one]),
  );
  if (isJsonObject(schema.not)) parts.push([`${at}.not`, schema.not]);
  return parts.flatMap(([name, one]) => incompletePart(one, structure, { ...where, at: name }));
}

function incompletePart(
  part: JsonObject,
  structure: unknown,
  { path, at }: { readonly path: string; readonly at: string },
): ErrorDetail[] {
  if (!isJsonObject(structure)) return [required(path, `because it is defined in ${at}`)];
  const faults = incomplete(part, structure, { path, at });
  if (isJsonObject(part.items))
    faults.push(...incompletePart(part.items, structure.items, { path: `${path}.items`, at: `${at}.items` }));
  const known = new Map(members(structure));
  for (const [key, field] of members(part)) {
    const place = `properties[${key}]`;
    faults.push(...incompletePart(field, known.get(key), { path: `${path}.${place}`, at: `${at}.${place}` }));
  }
  return faults;
}
