import { AmphoraError } from '../lib/errors.ts';
import { cloneJson, isJsonObject, type JsonObject, memberOf, setMember } from './json.ts';
import { mergeKeyedList, mergePrimitives, removePrimitives } from './merge-list.ts';
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

/** One list of a patch and what its directives say. */
export interface ListPatch {
  readonly items: readonly unknown[];
  /** Undefined: no `$setElementOrder` was given. */
  readonly order: readonly unknown[] | undefined;
}

export function mergeObject(schema: Schema, original: JsonObject, patch: JsonObject): JsonObject {
  const directive = memberOf(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive !== undefined && directive !== 'merge') {
    throw new AmphoraError('BadRequest', `unknown patch type found: ${JSON.stringify(directive)}`);
  }
  const merged = retained(original, patch);
  const removals = Object.entries(patch).filter(([key]) => key.startsWith(DELETE_PREFIX));
  for (const [key, items] of removals) removeFrom(merged, key.slice(DELETE_PREFIX.length), items);
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith('$')) mergeMember(schema, merged, { key, value, patch });
  }
  for (const key of Object.keys(patch).filter((each) => each.startsWith(ORDER_PREFIX))) {
    const field = key.slice(ORDER_PREFIX.length);
    // A list that is only put in order: an empty patch of it.
    if (!Object.hasOwn(patch, field) && Array.isArray(memberOf(merged, field))) {
      mergeMember(schema, merged, { key: field, value: [], patch });
    }
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
    const isDeleted = memberOf(value, '$patch') === 'delete';
    if (isDeleted) delete merged[key];
    else setMember(merged, key, mergeObject(field?.schema ?? { type: 'any' }, base, value));
  } else {
    setMember(merged, key, value);
  }
}

function mergeList(
  schema: ArraySchema | undefined,
  original: readonly unknown[],
  patch: ListPatch,
): unknown[] {
  const merges = schema?.patchStrategy === 'merge' || schema?.patchStrategy === 'merge,retainKeys';
  if (schema === undefined || !merges) return patch.items.map(cloneJson);
  if (schema.mergeKey === undefined) return mergePrimitives(original, patch);
  return mergeKeyedList(schema, { original, patch, key: schema.mergeKey, mergeItem: mergeObject });
}

/** The original, less what `$retainKeys` does not name. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = memberOf(patch, '$retainKeys');
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys))
    throw new AmphoraError('BadRequest', 'invalid $retainKeys: it must be a list of field names');
  const foreign = Object.keys(patch).find(
    (key) => !key.startsWith('$') && patch[key] !== null && !keys.includes(key),
  );
  if (foreign !== undefined) {
    throw new AmphoraError(
      'BadRequest',
      `$retainKeys does not name "${foreign}", which the patch sets: add it there`,
    );
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function removeFrom(merged: JsonObject, key: string, items: unknown): void {
  if (!Array.isArray(items)) throw new AmphoraError('BadRequest', `${DELETE_PREFIX}${key} must be a list`);
  const current = memberOf(merged, key);
  if (Array.isArray(current)) setMember(merged, key, removePrimitives(current, items));
}

function orderOf(patch: JsonObject, key: string): readonly unknown[] | undefined {
  const order = memberOf(patch, ORDER_PREFIX + key);
  if (order === undefined) return undefined;
  if (!Array.isArray(order)) throw new AmphoraError('BadRequest', `${ORDER_PREFIX}${key} must be a list`);
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
