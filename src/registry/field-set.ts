import { isJsonObject, type JsonObject, memberOf, setMember } from '../api/json.ts';
import type { ArraySchema, Schema } from '../api/schema.ts';
import { keyOf } from './apply-merge.ts';

/**
 * The fields of a value as FieldsV1 writes them: `f:name` for members, `k:{…}` for items of a list by their keys,
 * `v:…` for items of a set, `.` for an item that is there itself.
 */
export function fieldSet(schema: Schema, value: unknown): JsonObject {
  const set: JsonObject = {};
  if (schema.type === 'object' && !schema.atomic && isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      const field = Object.hasOwn(schema.fields, key) ? schema.fields[key]?.schema : undefined;
      setMember(set, `f:${key}`, field === undefined ? {} : fieldSet(field, member));
    }
  } else if (schema.type === 'map' && isJsonObject(value)) {
    for (const [key, member] of Object.entries(value))
      setMember(set, `f:${key}`, fieldSet(schema.values, member));
  } else if (schema.type === 'array' && Array.isArray(value) && schema.listType !== 'atomic') {
    for (const item of value) {
      const inner = schema.listType === 'map' ? { '.': {}, ...fieldSet(schema.items, item) } : {};
      setMember(set, itemName(schema, item), inner);
    }
  }
  return set;
}

/** How FieldsV1 names an item of a list. */
export function itemName(schema: ArraySchema, item: unknown): string {
  if (schema.listType === 'set') return `v:${JSON.stringify(item)}`;
  const keys = [...schema.mapKeys].sort().map((key) => [key, keyOf(schema, item, key)]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** What stands below one name of a set; undefined when the set does not have it. */
export function below(set: unknown, name: string): JsonObject | undefined {
  const inner = isJsonObject(set) ? memberOf(set, name) : undefined;
  return isJsonObject(inner) ? inner : undefined;
}
