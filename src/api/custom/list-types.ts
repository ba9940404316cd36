import type { ErrorDetail } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject, memberOf } from '../json.ts';
import { duplicate, invalid } from './faults.ts';
import type { Node } from './node.ts';

/**
 * Items that stand twice in lists that are sets, and keys that stand twice in lists that are maps.
 * @param old what is the same value there is not looked at
 */
export function listTypeFaults(node: Node, value: unknown, old?: unknown): ErrorDetail[] {
  return faultsAt(node, value, { path: '', old });
}

interface At {
  readonly path: string;
  readonly old: unknown;
}

function faultsAt(node: Node, value: unknown, { path, old }: At): ErrorDetail[] {
  if (!node.has.uniqueLists || (value === old && value !== undefined)) return [];
  if (Array.isArray(value)) {
    const { items } = node;
    const below =
      items === undefined
        ? []
        : value.flatMap((item, at) => faultsAt(items, item, { path: `${path}[${at}]`, old: undefined }));
    return [...ownFaults(node, value, path), ...below];
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const before = isJsonObject(old) ? memberOf(old, key) : undefined;
    const field = node.fields.get(key);
    if (field !== undefined)
      return faultsAt(field, member, { path: path === '' ? key : `${path}.${key}`, old: before });
    return typeof node.values === 'object'
      ? faultsAt(node.values, member, { path: `${path}[${key}]`, old: before })
      : [];
  });
}

function ownFaults(node: Node, items: readonly unknown[], path: string): ErrorDetail[] {
  if (node.listType === 'atomic') return [];
  if (node.listType === 'set') return twice(items, path);
  const wrong = items.findIndex((item) => item !== null && !isJsonObject(item));
  if (wrong >= 0)
    return [invalid(`${path}[${wrong}]`, items[wrong], 'must be an object for an array of list-type map')];
  return twice(
    items.map((item) => keyOf(node, item)),
    path,
  );
}

function keyOf(node: Node, item: unknown): JsonObject {
  if (!isJsonObject(item)) return {};
  const present = node.mapKeys.filter((key) => memberOf(item, key) !== undefined);
  return Object.fromEntries(present.map((key) => [key, item[key]]));
}

/** Each repeated item once, where it is first repeated. */
function twice(items: readonly unknown[], path: string): ErrorDetail[] {
  if (items.length < 2) return [];
  const times = new Map<string, number>();
  return items.flatMap((item, index) => {
    const text = JSON.stringify(sorted(item));
    const seen = times.get(text) ?? 0;
    times.set(text, seen + 1);
    return seen === 1 ? [duplicate(`${path}[${index}]`, item)] : [];
  });
}

/** The order of an object's members makes no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
