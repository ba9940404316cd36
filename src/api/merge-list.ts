import { AmphoraError } from '../lib/errors.ts';
import { cloneJson, isJsonObject, type JsonObject, memberOf } from './json.ts';
import type { ArraySchema, Schema } from './schema.ts';

/** One list of a patch and what its directives say. */
export interface ListPatch {
  readonly items: readonly unknown[];
  /** Undefined: no `$setElementOrder` was given. */
  readonly order: readonly unknown[] | undefined;
}

interface KeyedMerge {
  readonly original: readonly unknown[];
  readonly patch: ListPatch;
  readonly key: string;
  readonly mergeItem: (schema: Schema, original: JsonObject, patch: JsonObject) => JsonObject;
}

/** Tells items of a list apart; what has the same name is the same item. */
type NameOf = (item: unknown) => string;

const nameOfScalar: NameOf = (item) => JSON.stringify(item);

/** Lists of scalars merge as sets, in the order of the patch; what only the server has keeps its place in between. */
export function mergePrimitives(original: readonly unknown[], patch: ListPatch): unknown[] {
  checkOrder(patch.items, patch.order, nameOfScalar);
  const merged = new Map([...original, ...patch.items].map((item) => [nameOfScalar(item), item]));
  return inOrder([...merged.values()], {
    order: patch.order ?? patch.items,
    before: original,
    nameOf: nameOfScalar,
  });
}

export function removePrimitives(original: readonly unknown[], removed: readonly unknown[]): unknown[] {
  const names = new Set(removed.map(nameOfScalar));
  return original.filter((item) => !names.has(nameOfScalar(item)));
}

/** A list that a patch only puts in order. */
export function reorder(original: readonly unknown[], order: readonly unknown[]): unknown[] {
  if (original.some(isJsonObject)) return [...original]; // Nothing tells its items apart.
  return inOrder(original, { order, before: original, nameOf: nameOfScalar });
}

/** Merges a list of objects whose items are the same thing when their merge keys are equal. */
export function mergeKeyedList(
  schema: ArraySchema,
  { original, patch, key, mergeItem }: KeyedMerge,
): unknown[] {
  const { plain, removed, replaces } = sorted(patch.items, key);
  if (replaces) return plain.map((item) => mergeItem(schema.items, {}, item));
  const nameOf: NameOf = (item) => JSON.stringify(isJsonObject(item) ? memberOf(item, key) : item);
  const names = new Set(removed.map((item) => nameOfKey(item, key)));
  const kept = original.filter((item) => !names.has(nameOf(item)));
  const merged = kept.map(cloneJson);
  const places = new Map<string, number>();
  merged.forEach((item, index) => {
    if (!places.has(nameOf(item))) places.set(nameOf(item), index);
  });
  for (const item of plain) {
    const name = nameOfKey(item, key);
    const at = places.get(name) ?? merged.length;
    const current = merged[at];
    merged[at] = mergeItem(schema.items, isJsonObject(current) ? current : {}, item);
    places.set(name, at);
  }
  checkOrder(plain, patch.order, nameOf);
  return inOrder(merged, { order: patch.order ?? plain, before: kept, nameOf });
}

interface Sorted {
  readonly plain: readonly JsonObject[];
  readonly removed: readonly JsonObject[];
  readonly replaces: boolean;
}

/** Items by what `$patch` says of them. @throws BadRequest for a directive that nobody knows. */
function sorted(items: readonly unknown[], key: string): Sorted {
  const plain: JsonObject[] = [];
  const removed: JsonObject[] = [];
  let replaces = false;
  for (const item of items) {
    if (!isJsonObject(item))
      throw new AmphoraError('BadRequest', `an item of a list that merges by "${key}" must be an object`);
    const directive = memberOf(item, '$patch');
    if (directive === undefined || directive === 'merge') plain.push(item);
    else if (directive === 'delete') removed.push(item);
    else if (directive === 'replace') replaces = true;
    else throw unknownDirective(directive, item);
  }
  return { plain, removed, replaces };
}

export function unknownDirective(directive: unknown, item: JsonObject): AmphoraError {
  const shown = JSON.stringify(item).slice(0, 200);
  return new AmphoraError('BadRequest', `unknown patch type: ${String(directive)} in map: ${shown}`);
}

function nameOfKey(item: JsonObject, key: string): string {
  const value = memberOf(item, key);
  if (value !== undefined) return JSON.stringify(value);
  const shown = JSON.stringify(item).slice(0, 200);
  throw new AmphoraError('BadRequest', `map: ${shown} does not contain declared merge key: ${key}`);
}

/** The items of a patch must stand in its `$setElementOrder`, and in that order. @throws BadRequest */
function checkOrder(items: readonly unknown[], order: readonly unknown[] | undefined, nameOf: NameOf): void {
  if (order === undefined || order.length === 0) return;
  let at = 0;
  for (const item of items) {
    const name = nameOf(item);
    while (at < order.length && nameOf(order[at]) !== name) at += 1;
    if (at >= order.length)
      throw new AmphoraError(
        'BadRequest',
        `The order in patch list:\n${shownNames(items, nameOf)}\n doesn't match $setElementOrder list:\n${shownNames(order, nameOf)}\n`,
      );
    at += 1;
  }
}

function shownNames(items: readonly unknown[], nameOf: NameOf): string {
  return `[${items.map(nameOf).join(' ').slice(0, 500)}]`;
}

/**
 * Items named in `order` in that order; the others, which only the server knows, keep their place relative to
 * the named ones that were there before.
 */
function inOrder(
  items: readonly unknown[],
  by: { readonly order: readonly unknown[]; readonly before: readonly unknown[]; readonly nameOf: NameOf },
): unknown[] {
  const ranks = placesOf(by.order, by.nameOf);
  const places = placesOf(by.before, by.nameOf);
  const rank = (item: unknown) => ranks.get(by.nameOf(item)) ?? -1;
  const place = (item: unknown) => places.get(by.nameOf(item)) ?? -1;
  const named = items.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = items.filter((item) => rank(item) < 0);
  const merged: unknown[] = [];
  let next = 0;
  for (const item of named) {
    const at = place(item);
    for (; at >= 0 && next < others.length; next++) {
      const other = place(others[next]);
      if (other < 0 || other >= at) break;
      merged.push(others[next]);
    }
    merged.push(item);
  }
  return [...merged, ...others.slice(next)];
}

function placesOf(items: readonly unknown[], nameOf: NameOf): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  items.forEach((item, index) => {
    const name = nameOf(item);
    if (!places.has(name)) places.set(name, index);
  });
  return places;
}
