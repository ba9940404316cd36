import { equalJson, isJsonObject, type JsonObject, memberOf } from '../api/json.ts';
import type { Schema } from '../api/schema.ts';
import { keyOf, sameKeys } from './apply-merge.ts';
import { below, itemName } from './field-set.ts';

/** A field that somebody else applied and that is to get another value: its FieldsV1 names from the root. */
export interface FieldConflict {
  readonly names: readonly string[];
  /** As upstream writes it: `.spec.containers[name="main"].image`. */
  readonly path: string;
}

interface Place extends FieldConflict {
  readonly live: unknown;
  readonly applied: unknown;
  /** What the other manager owns below here, as FieldsV1. */
  readonly owned: JsonObject;
}

/** Fields of `owned` that `applied` would change. The same value is no conflict: both then own it. */
export function applyConflicts(
  schema: Schema,
  values: { readonly live: unknown; readonly applied: unknown; readonly owned: unknown },
): FieldConflict[] {
  if (!isJsonObject(values.owned)) return [];
  return walk(schema, { ...values, owned: values.owned, names: [], path: '' });
}

function walk(schema: Schema, place: Place): FieldConflict[] {
  if (Object.keys(place.owned).every((name) => name === '.')) return leaf(schema, place);
  if (schema.type === 'array' && Array.isArray(place.applied)) {
    return place.applied.flatMap((item) => {
      const live = Array.isArray(place.live)
        ? place.live.find((each) => sameKeys(schema, each, item))
        : undefined;
      const keys = schema.mapKeys.map((key) => `${key}=${JSON.stringify(keyOf(schema, item, key))}`);
      const path = `${place.path}[${keys.join(',')}]`;
      return step(schema.items, place, { name: itemName(schema, item), live, applied: item, path });
    });
  }
  if (!isJsonObject(place.applied)) return leaf(schema, place);
  return Object.entries(place.applied).flatMap(([key, applied]) => {
    const inner = innerSchema(schema, key);
    const live = isJsonObject(place.live) ? memberOf(place.live, key) : undefined;
    const path = `${place.path}.${key}`;
    return inner === undefined ? [] : step(inner, place, { name: `f:${key}`, live, applied, path });
  });
}

function step(
  schema: Schema,
  { owned, names }: Place,
  next: { readonly name: string; readonly live: unknown; readonly applied: unknown; readonly path: string },
): FieldConflict[] {
  const inner = below(owned, next.name);
  return inner === undefined ? [] : walk(schema, { ...next, owned: inner, names: [...names, next.name] });
}

function leaf(schema: Schema, { live, applied, names, path }: Place): FieldConflict[] {
  // An item that is merely there, or a member of a set, has no value that could differ.
  const inside =
    schema.type === 'object' && !schema.atomic && isJsonObject(applied) && Object.keys(applied).length > 0;
  return names.length === 0 || inside || equalJson(live, applied) ? [] : [{ names, path }];
}

function innerSchema(schema: Schema, key: string): Schema | undefined {
  if (schema.type === 'map') return schema.values;
  return schema.type === 'object' && Object.hasOwn(schema.fields, key)
    ? schema.fields[key]?.schema
    : undefined;
}

/** FieldsV1 without what a forced apply took over. */
export function withoutFields(owned: unknown, taken: readonly FieldConflict[]): unknown {
  return taken.reduce<unknown>((set, { names }) => without(set, names), owned);
}

function without(set: unknown, [name, ...rest]: readonly string[]): unknown {
  if (!isJsonObject(set) || name === undefined) return set;
  const { [name]: inner, ...others } = set;
  if (inner === undefined) return set;
  if (rest.length === 0) return others;
  const left = without(inner, rest);
  // An empty set would say that the whole field is owned.
  return isJsonObject(left) && Object.keys(left).length === 0 ? others : { ...others, [name]: left };
}
