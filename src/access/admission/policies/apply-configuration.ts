import { isJsonObject } from '../../../api/json.ts';
import type { Schema } from '../../../api/schema.ts';
import { isPlainObject, Struct } from '../../../cel/values.ts';

/** Where an `Object.a.b{…}` does not stand in the field its name says; undefined when all do. */
export function mismatchedType(value: Struct, expected: string = value.name): string | undefined {
  if (value.name !== expected)
    return `unexpected type name "${value.name}", expected "${expected}", which matches field name path from root Object type`;
  for (const [field, member] of value.fields) {
    const found = mismatchIn(member, `${expected}.${field}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function mismatchIn(value: unknown, expected: string): string | undefined {
  if (value instanceof Struct) return mismatchedType(value, expected);
  if (!Array.isArray(value)) return undefined;
  for (const item of value) {
    const found = mismatchIn(item, expected);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Where a patch touches what is only replaced whole: it would remove what the patch does not repeat, so upstream
 * refuses it.
 */
export function atomicPaths(schema: Schema, value: unknown, path = ''): string[] {
  const own = isAtomic(schema, value) ? [path] : [];
  if (Array.isArray(value) && schema.type === 'array')
    return [...own, ...value.flatMap((item, i) => atomicPaths(schema.items, item, `${path}[${i}]`))];
  if (!isJsonObject(value) || !isPlainObject(value)) return own;
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, member]) => {
      const inner = memberSchema(schema, key);
      return inner === undefined ? [] : atomicPaths(inner, member, `${path}.${key}`);
    }),
  ];
}

function isAtomic(schema: Schema, value: unknown): boolean {
  if (schema.type === 'array') return Array.isArray(value) && schema.listType === 'atomic';
  return (schema.type === 'object' || schema.type === 'map') && isJsonObject(value) && schema.atomic === true;
}

function memberSchema(schema: Schema, key: string): Schema | undefined {
  if (schema.type === 'map') return schema.values;
  if (schema.type !== 'object' || !Object.hasOwn(schema.fields, key)) return undefined;
  return schema.fields[key]?.schema;
}
