import { cloneJson, equalJson, isJsonObject, type JsonObject, memberOf, setMember } from '../api/json.ts';
import type { ArraySchema, Schema } from '../api/schema.ts';

/** Server-side apply's merge: objects and maps by member, lists by their list type. Neither argument is changed. */
export function mergeApplied(schema: Schema, live: unknown, applied: unknown): unknown {
  if (schema.type === 'object' && !schema.atomic && isJsonObject(live) && isJsonObject(applied)) {
    const { fields } = schema;
    return mergeMembers(live, applied, (key) =>
      Object.hasOwn(fields, key) ? fields[key]?.schema : undefined,
    );
  }
  if (schema.type === 'map' && isJsonObject(live) && isJsonObject(applied))
    return mergeMembers(live, applied, () => schema.values);
  if (schema.type === 'array' && Array.isArray(live) && Array.isArray(applied))
    return mergeLists(schema, live, applied);
  return cloneJson(applied);
}

function mergeMembers(
  live: JsonObject,
  applied: JsonObject,
  schemaOf: (key: string) => Schema | undefined,
): JsonObject {
  const merged: JsonObject = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    const schema = schemaOf(key);
    const before = memberOf(live, key);
    setMember(
      merged,
      key,
      schema === undefined || before === undefined ? cloneJson(value) : mergeApplied(schema, before, value),
    );
  }
  return merged;
}

function mergeLists(schema: ArraySchema, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  if (schema.listType === 'atomic') return cloneJson([...applied]);
  if (schema.listType === 'set') {
    const added = applied.filter((item) => !live.some((known) => equalJson(known, item)));
    return [...live, ...cloneJson(added)];
  }
  const merged = [...live];
  for (const item of applied) {
    const at = merged.findIndex((known) => sameKeys(schema, known, item));
    if (at < 0) merged.push(cloneJson(item));
    else merged[at] = mergeApplied(schema.items, merged[at], item);
  }
  return merged;
}

/** Whether two items of a list of type map are the same thing; a missing key means its default. */
export function sameKeys(schema: ArraySchema, a: unknown, b: unknown): boolean {
  return schema.mapKeys.every((key) => equalJson(keyOf(schema, a, key), keyOf(schema, b, key)));
}

export function keyOf(schema: ArraySchema, item: unknown, key: string): unknown {
  const value = isJsonObject(item) ? memberOf(item, key) : undefined;
  if (value !== undefined) return value;
  return schema.items.type === 'object' ? schema.items.fields[key]?.default : undefined;
}
