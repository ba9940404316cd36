import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from './json.ts';
import type { ObjectSchema, Schema } from './schema.ts';

/**
 * Fills in what the schema says a missing field means. Only objects that are there are filled. The value is not
 * changed; where nothing is missing it is returned itself.
 */
export function applyDefaults(schema: Schema, value: unknown): unknown {
  if (!mayFill(schema)) return value;
  if (schema.type === 'object' && isJsonObject(value)) return objectDefaults(schema, value);
  if (schema.type === 'array' && Array.isArray(value)) {
    const items = value.map((item) => applyDefaults(schema.items, item));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (schema.type === 'map' && isJsonObject(value)) {
    return replaced(value, (key) => applyDefaults(schema.values, value[key]));
  }
  return value;
}

/** Whether a default may stand in values of the schema. */
export function mayFill(schema: Schema): boolean {
  switch (schema.type) {
    case 'object':
      return schema.fills !== false;
    case 'array':
      return mayFill(schema.items);
    case 'map':
      return mayFill(schema.values);
    default:
      return false;
  }
}

function objectDefaults(schema: ObjectSchema, value: JsonObject): JsonObject {
  const copy = replaced(value, (key) => {
    const field = Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
    return field === undefined ? value[key] : applyDefaults(field.schema, value[key]);
  });
  let filled = copy;
  for (const key in schema.fields) {
    const field = schema.fields[key];
    if (field?.default === undefined || memberOf(copy, key) !== undefined) continue;
    if (filled === value) filled = { ...value };
    setMember(filled, key, applyDefaults(field.schema, cloneJson(field.default)));
  }
  return filled;
}

function replaced(value: JsonObject, next: (key: string) => unknown): JsonObject {
  let copy = value;
  for (const key of Object.keys(value)) {
    const made = next(key);
    if (made === value[key]) continue;
    if (copy === value) copy = { ...value };
    setMember(copy, key, made);
  }
  return copy;
}
