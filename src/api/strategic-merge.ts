import { AmphoraError } from '../lib/errors.ts';
import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from './json.ts';
import {
  type ListPatch,
  mergeKeyedList,
  mergePrimitives,
  removePrimitives,
  reorder,
  unknownDirective,
} from './merge-list.ts';
import type { ArraySchema, Field, Schema } from './schema.ts';

const DELETE_PREFIX = '$deleteFromPrimitiveList/';
const ORDER_PREFIX = '$setElementOrder/';

/**
 * Strategic merge patch with all its directives (`$patch`, `$retainKeys`, `$setElementOrder`,
 * `$deleteFromPrimitiveList`). Neither argument is changed.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 * @throws BadRequest for a malformed directive or an item without its merge key.
 */
export function strategicMerge(schema: Schema, original: JsonObject, patch: JsonObject): JsonObject {
  return mergeObject(schema, original, patch);
}

export function mergeObject(schema: Schema, original: JsonObject, patch: JsonObject): JsonObject {
  const directive = memberOf(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive !== undefined && directive !== 'merge') throw unknownDirective(directive, patch);
  const merged = retained(original, patch);
  const removals = Object.entries(patch).filter(([key]) => key.startsWith(DELETE_PREFIX));
  for (const [key, items] of removals) removeFrom(merged, key.slice(DELETE_PREFIX.length), items);
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith('$')) mergeMember(schema, merged, { key, value, patch });
  }
  for (const key of Object.keys(patch).filter((each) => each.startsWith(ORDER_PREFIX))) {
    const field = key.slice(ORDER_PREFIX.length);
    const current = memberOf(merged, field);
    if (Object.hasOwn(patch, field) || !Array.isArray(current)) continue;
    // A list that is only put in order: an empty patch of it, where it merges.
    if (isMerged(fieldOf(schema, field)?.schema))
      mergeMember(schema, merged, { key: field, value: [], patch });
    else setMember(merged, field, reorder(current, orderOf(patch, field) ?? []));
  }
  return merged;
}

function mergeMember(
  schema: Schema,
  merged: JsonObject,
  at: { key: string; value: unknown; patch: JsonObject },
): void {
  const { key, value, patch } = at;
  if (value === null) {
    delete merged[key];
    return;
  }
  const field = fieldOf(schema, key);
  const current = memberOf(merged, key);
  if (Array.isArray(value)) {
    const list = field?.schema.type === 'array' ? field.schema : undefined;
    const order = orderOf(patch, key);
    setMember(merged, key, mergeList(list, Array.isArray(current) ? current : [], { items: value, order }));
  } else if (isJsonObject(value)) {
    const base = isJsonObject(current) && field?.patchStrategy !== 'replace' ? current : {};
    // What is there is emptied; what is not there does not come by that.
    if (current === undefined && memberOf(value, '$patch') === 'delete') return;
    setMember(merged, key, mergeObject(field?.schema ?? { type: 'any' }, base, value));
  } else {
    setMember(merged, key, value);
  }
}

function mergeList(
  schema: ArraySchema | undefined,
  original: readonly unknown[],
  patch: ListPatch,
): unknown[] {
  if (!isMerged(schema)) return patch.items.map(cloneJson);
  if (schema.mergeKey === undefined) return mergePrimitives(original, patch);
  return mergeKeyedList(schema, { original, patch, key: schema.mergeKey, mergeItem: mergeObject });
}

function isMerged(schema: Schema | undefined): schema is ArraySchema {
  if (schema?.type !== 'array') return false;
  return schema.patchStrategy === 'merge' || schema.patchStrategy === 'merge,retainKeys';
}

/** The original, less what `$retainKeys` does not name. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = memberOf(patch, '$retainKeys');
  if (keys === undefined) return { ...original };
  const named = new Set(Array.isArray(keys) ? keys : []);
  const isForeign = (key: string) => !key.startsWith('$') && patch[key] !== null && !named.has(key);
  if (!Array.isArray(keys) || Object.keys(patch).some(isForeign))
    throw new AmphoraError('BadRequest', 'invalid patch format of retainKeys');
  return Object.fromEntries(Object.entries(original).filter(([key]) => named.has(key)));
}

function removeFrom(merged: JsonObject, key: string, items: unknown): void {
  if (!Array.isArray(items)) throw new AmphoraError('BadRequest', 'invalid patch format of primitive list');
  const current = memberOf(merged, key);
  if (Array.isArray(current)) setMember(merged, key, removePrimitives(current, items));
}

function orderOf(patch: JsonObject, key: string): readonly unknown[] | undefined {
  const order = memberOf(patch, ORDER_PREFIX + key);
  if (order === undefined) return undefined;
  if (!Array.isArray(order))
    throw new AmphoraError('BadRequest', 'invalid patch format of setElementOrder list');
  return order;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const entries = Object.entries(patch).filter(([key, value]) => !key.startsWith('$') && value !== null);
  return cloneJson(Object.fromEntries(entries));
}

function fieldOf(schema: Schema, key: string): Field | undefined {
  if (schema.type === 'map') return { schema: schema.values };
  if (schema.type !== 'object' || !Object.hasOwn(schema.fields, key)) return undefined;
  return schema.fields[key];
}
