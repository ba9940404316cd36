import { isJsonObject, type JsonObject, memberOf, setMember } from '../api/json.ts';
import type { Schema } from '../api/schema.ts';
import { sameKeys } from './apply-merge.ts';
import { below, itemName } from './field-set.ts';

export interface Ownership {
  readonly applied: unknown;
  /** FieldsV1 of what the manager applied before. */
  readonly own: unknown;
  /** FieldsV1 of the other managers, who keep what they own. */
  readonly others: readonly unknown[];
}

/** `live` without what its manager applied before, applies no more, and nobody else owns. */
export function removeUnapplied<T>(schema: Schema, live: T, ownership: Ownership): T {
  // The walk takes members away and changes nothing else of the type.
  return walk(schema, live, ownership) as T;
}

function walk(schema: Schema, live: unknown, ownership: Ownership): unknown {
  if (ownership.own === undefined) return live;
  if (schema.type === 'object' && !schema.atomic && isJsonObject(live)) {
    const { fields } = schema;
    return members(live, ownership, (key) => (Object.hasOwn(fields, key) ? fields[key]?.schema : undefined));
  }
  if (schema.type === 'map' && isJsonObject(live)) return members(live, ownership, () => schema.values);
  if (schema.type !== 'array' || !Array.isArray(live) || schema.listType === 'atomic') return live;
  const applied = Array.isArray(ownership.applied) ? ownership.applied : [];
  const kept: unknown[] = [];
  for (const item of live) {
    const name = itemName(schema, item);
    const same = applied.find((each) =>
      schema.listType === 'map' ? sameKeys(schema, each, item) : each === item,
    );
    const inner = narrow(ownership, name, same);
    if (inner.own === undefined || same !== undefined || inner.others.length > 0)
      kept.push(walk(schema.items, item, inner));
  }
  return kept;
}

function members(
  live: JsonObject,
  ownership: Ownership,
  schemaOf: (key: string) => Schema | undefined,
): JsonObject {
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(live)) {
    const applied = isJsonObject(ownership.applied) ? memberOf(ownership.applied, key) : undefined;
    const inner = narrow(ownership, `f:${key}`, applied);
    const schema = schemaOf(key);
    const leaf = inner.own !== undefined && Object.keys(inner.own).length === 0;
    if (leaf && applied === undefined && inner.others.length === 0) continue;
    const left = schema === undefined ? value : walk(schema, value, inner);
    // What became empty by this, and was not empty before, was only there for what was taken away.
    if (applied === undefined && inner.own !== undefined && isEmpty(left) && !isEmpty(value)) continue;
    setMember(kept, key, left);
  }
  return kept;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0;
}

function narrow({ own, others }: Ownership, name: string, applied: unknown) {
  const inner = others.map((set) => below(set, name)).filter((set) => set !== undefined);
  return { applied, own: below(own, name), others: inner };
}
