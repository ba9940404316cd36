import { AmphoraError } from '../lib/errors.ts';
import { cloneJson, equalJson, isJsonObject, type JsonObject, memberOf } from './json.ts';
import type { ArraySchema, Schema } from './schema.ts';

interface KeyedMerge {
  readonly original: readonly unknown[];
  readonly patch: { readonly items: readonly unknown[]; readonly order: readonly unknown[] | undefined };
  readonly key: string;
  readonly mergeItem: (schema: Schema, original: JsonObject, patch: JsonObject) => JsonObject;
}

/** Lists of scalars merge as sets: what is new goes to the end, or where `$setElementOrder` wants it. */
export function mergePrimitives(
  original: readonly unknown[],
  patch: { readonly items: readonly unknown[]; readonly order: readonly unknown[] | undefined },
): unknown[] {
  const merged = [...new Set([...original, ...patch.items])];
  return patch.order === undefined
    ? merged
    : inOrder(merged, { order: patch.order, before: original, keyOf: (item) => item });
}

export function removePrimitives(original: readonly unknown[], removed: readonly unknown[]): unknown[] {
  return original.filter((item) => !removed.includes(item));
}

/** Merges a list of objects whose items are the same thing when their merge keys are equal. */
export function mergeKeyedList(
  schema: ArraySchema,
  { original, patch, key, mergeItem }: KeyedMerge,
): unknown[] {
  const items = patch.items.map((item) => object(item, key));
  const plain = items.filter(
    (item) => memberOf(item, '$patch') === undefined || memberOf(item, '$patch') === 'merge',
  );
  const directives = items.map((item) => memberOf(item, '$patch'));
  const unknown = directives.find(
    (each) => each !== undefined && !['delete', 'replace', 'merge'].includes(String(each)),
  );
  if (unknown !== undefined)
    throw new AmphoraError('BadRequest', `unknown patch type found: ${JSON.stringify(unknown)}`);
  if (directives.includes('replace')) return plain.map((item) => mergeItem(schema.items, {}, item));
  const removed = items
    .filter((item) => memberOf(item, '$patch') === 'delete')
    .map((item) => keyValue(item, key));
  const merged = original
    .filter((item) => !removed.some((value) => equalJson(value, keyOf(item, key))))
    .map(cloneJson);
  for (const item of plain) {
    const value = keyValue(item, key);
    const at = merged.findIndex((each) => equalJson(keyOf(each, key), value));
    const current = at < 0 ? {} : merged[at];
    const made = mergeItem(schema.items, isJsonObject(current) ? current : {}, item);
    merged.splice(at < 0 ? merged.length : at, at < 0 ? 0 : 1, made);
  }
  if (patch.order === undefined) return merged;
  const order = patch.order.map((item) => (isJsonObject(item) ? memberOf(item, key) : item));
  return inOrder(merged, {
    order,
    before: original.map((item) => keyOf(item, key)),
    keyOf: (item) => keyOf(item, key),
  });
}

/**
 * Items named in `order` in that order; the others, which only the server knows, keep their place relative to
 * the named ones that were there before.
 */
function inOrder(
  items: readonly unknown[],
  by: {
    readonly order: readonly unknown[];
    readonly before: readonly unknown[];
    readonly keyOf: (item: unknown) => unknown;
  },
): unknown[] {
  const rank = (item: unknown) => by.order.findIndex((value) => equalJson(value, by.keyOf(item)));
  const place = (item: unknown) => by.before.findIndex((value) => equalJson(value, by.keyOf(item)));
  const named = items.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = items.filter((item) => rank(item) < 0);
  const merged: unknown[] = [];
  for (const item of named) {
    const at = place(item);
    for (let next = others[0]; at >= 0 && next !== undefined && before(place(next), at); next = others[0]) {
      merged.push(next);
      others.shift();
    }
    merged.push(item);
  }
  return [...merged, ...others];
}

function before(place: number, at: number): boolean {
  return place >= 0 && place < at;
}

function object(item: unknown, key: string): JsonObject {
  if (isJsonObject(item)) return item;
  throw new AmphoraError('BadRequest', `an item of a list that merges by "${key}" must be an object`);
}

function keyOf(item: unknown, key: string): unknown {
  return isJsonObject(item) ? memberOf(item, key) : undefined;
}

function keyValue(item: JsonObject, key: string): unknown {
  const value = memberOf(item, key);
  if (value !== undefined) return value;
  if (memberOf(item, '$patch') === 'replace') return undefined;
  throw new AmphoraError(
    'BadRequest',
    `map: ${JSON.stringify(item).slice(0, 200)} does not contain declared merge key: ${key}`,
  );
}
