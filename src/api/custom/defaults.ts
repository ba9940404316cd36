import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from '../json.ts';
import type { Node } from './node.ts';

/**
 * Fills in the schema's defaults where a field is missing, or null and may not be. Only objects that are there are
 * filled. The value is not changed; where nothing is missing it is returned itself.
 */
export function customDefaults(node: Node, value: unknown): unknown {
  if (!node.has.defaults) return value;
  if (Array.isArray(value)) return itemDefaults(node.items, value);
  return isJsonObject(value) ? memberDefaults(node, value) : value;
}

function memberDefaults(node: Node, value: JsonObject): JsonObject {
  let copy = value;
  const set = (key: string, member: unknown) => {
    if (copy === value) copy = { ...value };
    setMember(copy, key, member);
  };
  for (const [key, field] of node.fields) {
    if (!field.has.defaults) continue;
    const before = memberOf(value, key);
    const filled = defaulted(field, before);
    if (filled !== before) set(key, filled);
  }
  const { values } = node;
  if (typeof values !== 'object' || !values.has.defaults) return copy;
  for (const [key, before] of Object.entries(value)) {
    if (node.fields.has(key)) continue;
    const filled = defaulted(values, before);
    if (filled !== before) set(key, filled);
  }
  return copy;
}

function itemDefaults(items: Node | undefined, value: readonly unknown[]): readonly unknown[] {
  if (items?.has.defaults !== true) return value;
  const filled = value.map((item) => defaulted(items, item));
  return filled.some((item, index) => item !== value[index]) ? filled : value;
}

function defaulted(node: Node, value: unknown): unknown {
  const missing = value === undefined || (value === null && !node.nullable);
  if (!missing) return customDefaults(node, value);
  return node.default === undefined ? value : customDefaults(node, cloneJson(node.default));
}
