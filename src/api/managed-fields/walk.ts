import { isJsonObject, type JsonObject, memberOf } from '../json.ts';
import type { ArraySchema, Schema } from '../schema.ts';

/**
 * How ownership takes a value apart: whole, by its members, or by its items. The schema says it; where the schema
 * says nothing, the value does: objects by member, all else whole.
 */
export type Form = 'whole' | 'members' | 'items';

/** One step down into two values at once; what is missing on a side is undefined there. */
export interface Step {
  /** As FieldsV1 writes it: `f:name` of a member, `k:{…}` of an item by its keys, `v:…` of an item of a set. */
  readonly name: string;
  readonly schema: Schema;
  /** The schema declares a field of this name, so the object around it is there without being owned. */
  readonly declared: boolean;
  /** It is there in an empty object around it: see Field. */
  readonly inline: boolean;
  readonly left: unknown;
  readonly right: unknown;
  /** Set when a list has several items of this name; then both sides are lists of them. */
  readonly repeated?: true;
}

const ANYTHING: Schema = { type: 'any' };

export function formOf(schema: Schema, value: unknown): Form {
  switch (schema.type) {
    case 'object':
    case 'map':
      return schema.atomic !== true && (value === null || isJsonObject(value)) ? 'members' : 'whole';
    case 'array':
      return schema.listType !== 'atomic' && (value === null || Array.isArray(value)) ? 'items' : 'whole';
    case 'any':
      return isJsonObject(value) ? 'members' : 'whole';
    default:
      return 'whole';
  }
}

/** Neither members nor items; null is as empty as `{}` and `[]`. */
export function isBare(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (!isJsonObject(value)) return value === null;
  for (const _ in value) return false;
  return true;
}

/** What stands below two values of one schema: first what is on the left, then what is only on the right. */
export function steps(schema: Schema, left: unknown, right: unknown): Step[] {
  if (Array.isArray(left) || Array.isArray(right))
    return schema.type === 'array' ? itemSteps(schema, left, right) : [];
  return memberSteps(schema, isJsonObject(left) ? left : {}, isJsonObject(right) ? right : {});
}

function memberSteps(schema: Schema, left: JsonObject, right: JsonObject): Step[] {
  const found: Step[] = [];
  for (const key of Object.keys(left))
    found.push({ ...memberStep(schema, key), left: left[key], right: memberOf(right, key) });
  for (const key of Object.keys(right))
    if (!Object.hasOwn(left, key))
      found.push({ ...memberStep(schema, key), left: undefined, right: right[key] });
  return found;
}

export function memberStep(
  schema: Schema,
  key: string,
): Pick<Step, 'name' | 'schema' | 'declared' | 'inline'> {
  const name = `f:${key}`;
  if (schema.type === 'map') return { name, schema: schema.values, declared: false, inline: false };
  const field =
    schema.type === 'object' && Object.hasOwn(schema.fields, key) ? schema.fields[key] : undefined;
  return field === undefined
    ? { name, schema: ANYTHING, declared: false, inline: false }
    : { name, schema: field.schema, declared: true, inline: field.inline === true };
}

function itemSteps(schema: ArraySchema, left: unknown, right: unknown): Step[] {
  const lefts = itemsByName(schema, left);
  const rights = itemsByName(schema, right);
  const found: Step[] = [];
  for (const [name, items] of lefts) found.push(itemStep(schema, name, [items, rights.get(name) ?? []]));
  for (const [name, items] of rights) if (!lefts.has(name)) found.push(itemStep(schema, name, [[], items]));
  return found;
}

function itemStep(schema: ArraySchema, name: string, [left, right]: [unknown[], unknown[]]): Step {
  const common = { name, schema: schema.items, declared: false, inline: false };
  if (left.length > 1 || right.length > 1) return { ...common, left, right, repeated: true };
  return { ...common, left: left[0], right: right[0] };
}

/** The items of a list under their names, in order. Built-in kinds have lists where two may share one. */
export function itemsByName(schema: ArraySchema, list: unknown): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  if (!Array.isArray(list)) return found;
  const nameOf = itemNamer(schema);
  for (const item of list) {
    const name = nameOf(item);
    const known = found.get(name);
    if (known === undefined) found.set(name, [item]);
    else known.push(item);
  }
  return found;
}

/** How FieldsV1 names an item: its keys in alphabetical order, a missing one by its default or not at all. */
export function itemNamer(schema: ArraySchema): (item: unknown) => string {
  if (schema.listType === 'set') return (item) => `v:${JSON.stringify(item)}`;
  const keys = schema.mapKeys.length > 1 ? [...schema.mapKeys].sort() : schema.mapKeys;
  return (item) => {
    let name = '';
    for (const key of keys) {
      const value = keyOf(schema, item, key);
      if (value === undefined) continue;
      name += `${name === '' ? 'k:{' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
    }
    return name === '' ? 'k:{}' : `${name}}`;
  };
}

/** A key of an item; what it is by default where the item does not say. */
export function keyOf(schema: ArraySchema, item: unknown, key: string): unknown {
  const value = isJsonObject(item) ? memberOf(item, key) : undefined;
  if (value !== undefined || schema.items.type !== 'object') return value;
  return Object.hasOwn(schema.items.fields, key) ? schema.items.fields[key]?.default : undefined;
}
