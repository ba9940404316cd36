import { equal } from './equal.ts';
import type { Meter } from './meter.ts';
import type { CelType, ListType } from './types.ts';
import { isMap, isPlainObject, mapGet, mapKey } from './values.ts';

/** Whether values of the type may be compared otherwise than member by member and item by item. */
export function hasOwnEquality(type: CelType): boolean {
  switch (type.kind) {
    case 'list':
      return type.keys !== undefined || hasOwnEquality(type.item);
    case 'map':
      return hasOwnEquality(type.value);
    case 'object':
      return type.memberType !== undefined;
    default:
      return false;
  }
}

/**
 * Equality as the schema has it: of sets, and of lists whose items have keys, the order does not count.
 * https://kubernetes.io/docs/reference/using-api/cel/#equality-and-ordering-with-set-and-map-lists
 */
export function equalBySchema(type: CelType, a: unknown, b: unknown, meter: Meter): boolean {
  if (!hasOwnEquality(type)) return equal(a, b, meter);
  if (type.kind === 'list') return equalLists(type, a, b, meter);
  if (!isPlainObject(a) || !isPlainObject(b)) return equal(a, b, meter);
  const keys = Object.keys(a);
  meter.spend(keys.length);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => {
    if (!Object.hasOwn(b, key)) return false;
    const member =
      type.kind === 'map' ? type.value : type.kind === 'object' ? type.memberType?.(key) : undefined;
    return member === undefined ? equal(a[key], b[key], meter) : equalBySchema(member, a[key], b[key], meter);
  });
}

function equalLists(type: ListType, a: unknown, b: unknown, meter: Meter): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return equal(a, b, meter);
  if (a.length !== b.length) return false;
  meter.spend(a.length);
  if (type.keys === undefined) return a.every((item, i) => equalBySchema(type.item, item, b[i], meter));
  const others = indexed(type, b, meter);
  return a.every((item) => {
    const at = others.get(nameOf(type, item));
    return at !== undefined && equalBySchema(type.item, item, b[at], meter);
  });
}

/** Where each item stands, by its name. */
function indexed(type: ListType, items: readonly unknown[], meter: Meter): Map<unknown, number> {
  meter.spend(items.length);
  return new Map(items.map((item, i) => [nameOf(type, item), i]));
}

/** What tells an item from the others of its list. */
function nameOf({ keys = [] }: ListType, item: unknown): unknown {
  if (keys.length > 0) return JSON.stringify(keys.map((key) => (isMap(item) ? mapGet(item, key) : null)));
  return (
    mapKey(item) ??
    JSON.stringify(item, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
  );
}

/**
 * `left + right` of lists whose items have names: the places of the left are kept, what only the right has comes
 * after; of a list with keys the right's items win.
 */
export function concatenateBySchema(
  type: ListType,
  left: readonly unknown[],
  right: readonly unknown[],
  meter: Meter,
): unknown[] {
  const places = indexed(type, left, meter);
  const made = [...left];
  meter.spend(left.length + right.length);
  for (const item of right) {
    const at = places.get(nameOf(type, item));
    if (at === undefined) {
      places.set(nameOf(type, item), made.length);
      made.push(item);
    } else if (type.keys !== undefined && type.keys.length > 0) made[at] = item;
  }
  return made;
}
