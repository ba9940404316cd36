import type { ErrorDetail } from '../lib/errors.ts';
import { isJsonObject, type JsonObject, memberOf, memberPath } from './json.ts';
import type { ArraySchema, ObjectSchema, Schema } from './schema.ts';

/**
 * What a schema alone says against a conformed value: missing required fields, values outside an enum,
 * duplicates in map and set lists. A built-in kind's `status` is not looked at, as upstream does.
 */
export function validateSchema(schema: Schema, value: unknown): readonly ErrorDetail[] {
  const details: ErrorDetail[] = [];
  check(schema, value, { path: '', details });
  return details;
}

interface Place {
  readonly path: string;
  readonly details: ErrorDetail[];
}

function check(schema: Schema, value: unknown, place: Place): void {
  if (value === null || value === undefined) return;
  if (schema.type === 'object' && isJsonObject(value)) checkObject(schema, value, place);
  else if (schema.type === 'array' && Array.isArray(value)) checkArray(schema, value, place);
  else if (schema.type === 'map' && isJsonObject(value)) {
    if (!isRestricted(schema.values)) return;
    for (const [key, member] of Object.entries(value)) check(schema.values, member, within(place, key));
  } else if (schema.type === 'string' && schema.enum !== undefined && value !== '') {
    checkEnum(schema.enum, String(value), place);
  }
}

/** Whether a conformed value can be wrong at all. */
function isRestricted(schema: Schema): boolean {
  switch (schema.type) {
    case 'object':
      return true;
    case 'array':
      return schema.listType !== 'atomic' || isRestricted(schema.items);
    case 'map':
      return isRestricted(schema.values);
    default:
      return schema.type === 'string' && schema.enum !== undefined;
  }
}

function checkObject(schema: ObjectSchema, value: JsonObject, place: Place): void {
  const builtin = schema.name !== '';
  for (const key of schema.required) {
    const missing = isMissing(memberOf(value, key), builtin && schema.fields[key]?.schema.type !== 'string');
    if (missing && schema.fields[key]?.default === undefined && schema.fields[key]?.optional !== true) {
      place.details.push({
        reason: 'FieldValueRequired',
        field: memberPath(place.path, key),
        message: 'Required value',
      });
    }
  }
  for (const [key, member] of Object.entries(value)) {
    const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
    if (field === undefined || !isRestricted(field.schema)) continue;
    if (builtin && place.path === '' && key === 'status') continue;
    check(field.schema, member, within(place, key));
  }
}

/** Upstream's typed objects cannot tell an empty list from a missing one; a CRD's can. */
function isMissing(value: unknown, emptyIsMissing: boolean): boolean {
  return (
    value === undefined || value === null || (emptyIsMissing && Array.isArray(value) && value.length === 0)
  );
}

function checkEnum(values: readonly string[], value: string, { path, details }: Place): void {
  if (values.includes(value)) return;
  const supported = values.map((each) => JSON.stringify(each)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  details.push({ reason: 'FieldValueNotSupported', field: path, message });
}

function checkArray(schema: ArraySchema, items: readonly unknown[], place: Place): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const path = `${place.path}[${index}]`;
    check(schema.items, item, { ...place, path });
    const key = schema.allowDuplicates === true ? undefined : identityOf(schema, item);
    if (key === undefined) return;
    const [only, ...others] = schema.listType === 'map' ? schema.mapKeys : [];
    const field = only === undefined || others.length > 0 ? path : memberPath(path, only);
    if (seen.has(key))
      place.details.push({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${key}` });
    seen.add(key);
  });
}

/** What must be unique in the list, as JSON: the item of a set, the key or keys of a map list's item. */
function identityOf(schema: ArraySchema, item: unknown): string | undefined {
  if (schema.listType === 'set') return JSON.stringify(item);
  if (schema.listType !== 'map' || !isJsonObject(item)) return undefined;
  const fields = schema.items.type === 'object' ? schema.items.fields : {};
  const keys = schema.mapKeys.map((key) => [key, memberOf(item, key) ?? fields[key]?.default]);
  const [first, ...others] = keys;
  if (first === undefined || keys.every(([, value]) => value === undefined)) return undefined;
  return JSON.stringify(others.length === 0 ? first[1] : Object.fromEntries(keys));
}

function within(place: Place, key: string): Place {
  return { ...place, path: memberPath(place.path, key) };
}
