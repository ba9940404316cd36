import { isJsonObject, type JsonObject, memberOf } from '../json.ts';

/** Readers of an `openAPIV3Schema` as it was written; what is of another type than it should be is not there. */

export function text(schema: JsonObject, key: string): string {
  const value = memberOf(schema, key);
  return typeof value === 'string' ? value : '';
}

export function flag(schema: JsonObject, key: string): boolean {
  return memberOf(schema, key) === true;
}

/** Schemas in a list. */
export function list(schema: JsonObject, key: string): readonly JsonObject[] {
  const value = memberOf(schema, key);
  return Array.isArray(value) ? value.map((one) => (isJsonObject(one) ? one : {})) : [];
}

export function strings(schema: JsonObject, key: string): readonly string[] {
  const value = memberOf(schema, key);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Schemas by name: of `properties`, if no other key is named. */
export function members(schema: JsonObject, key = 'properties'): readonly (readonly [string, JsonObject])[] {
  const value = memberOf(schema, key);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).map(([name, one]) => [name, isJsonObject(one) ? one : {}]);
}

/** Whether the schema says anything under a key: an empty text or list, false and null say nothing. */
export function present(schema: JsonObject, key: string): boolean {
  const value = memberOf(schema, key);
  if (value === undefined || value === null || value === false || value === '') return false;
  return !Array.isArray(value) || value.length > 0;
}

/** Calls `see` for a schema and for each that stands anywhere in it. */
export function walkSchemas(schema: JsonObject, see: (schema: JsonObject) => void): void {
  see(schema);
  const one = [schema.items, schema.additionalProperties, schema.not].filter(isJsonObject);
  const many = ['allOf', 'anyOf', 'oneOf'].flatMap((key) => list(schema, key));
  for (const below of [...one, ...many, ...members(schema).map(([, field]) => field)])
    walkSchemas(below, see);
}
