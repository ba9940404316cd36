import { isJsonObject, type JsonObject, setMember } from '../json.ts';
import type { Schema } from '../schema.ts';
import { type FieldSet, isThere, ownPlace } from './field-set.ts';
import { isBare, itemNamer, itemsByName, memberStep } from './walk.ts';

export interface Claims {
  /** What the manager applied before. */
  readonly last: FieldSet | undefined;
  /** What anybody owns now, the manager included; each in the version of `last`. */
  readonly kept: readonly FieldSet[];
}

/** `value` without the fields, entries and items that were applied before and that nobody owns any more. */
export function prune(schema: Schema, value: unknown, claims: Claims): unknown {
  if (claims.last === undefined) return value;
  return filtered(schema, value, (name, declared) => {
    const inner = narrow(claims, name);
    const isGone = isThere(inner.last, declared) && !inner.kept.some((set) => isThere(set, declared));
    return isGone ? 'drop' : inner.last === undefined ? 'keep' : (at, below) => prune(at, below, inner);
  });
}

/**
 * What pruning left, and of the rest of `value` what somebody owns in a version that only now can be asked: both
 * converted to it.
 */
export function restore(
  schema: Schema,
  value: unknown,
  from: { readonly left: unknown; readonly kept: readonly FieldSet[] },
): unknown {
  const items = schema.type === 'array' ? itemsByName(schema, from.left) : undefined;
  const leftOf = (name: string): unknown => {
    if (items !== undefined) return items.get(name)?.[0];
    const key = name.slice(2);
    return isJsonObject(from.left) && Object.hasOwn(from.left, key) ? from.left[key] : undefined;
  };
  return filtered(schema, value, (name, declared) => {
    const left = leftOf(name);
    const kept = placesIn(from.kept, name);
    if (left === undefined && !kept.some((set) => isThere(set, declared))) return 'drop';
    return (at, below) => restore(at, below, { left, kept });
  });
}

type Fate = 'keep' | 'drop' | ((schema: Schema, value: unknown) => unknown);

/** A container with what `fateOf` leaves of it; the same one where that is all. */
function filtered(
  schema: Schema,
  value: unknown,
  fateOf: (name: string, declared: boolean) => Fate,
): unknown {
  if (Array.isArray(value)) {
    if (schema.type !== 'array' || schema.listType === 'atomic') return value;
    const nameOf = itemNamer(schema);
    const kept = value.flatMap((item) => {
      const fate = fateOf(nameOf(item), false);
      if (fate === 'drop') return [];
      return [typeof fate === 'string' ? item : fate(schema.items, item)];
    });
    const isSame = kept.length === value.length && kept.every((item, index) => item === value[index]);
    return isSame ? value : kept;
  }
  if (!isJsonObject(value) || (schema.type === 'object' && schema.atomic)) return value;
  if (schema.type === 'map' && schema.atomic === true) return value;
  return filteredMembers(schema, value, fateOf);
}

function filteredMembers(
  schema: Schema,
  value: JsonObject,
  fateOf: (name: string, declared: boolean) => Fate,
): JsonObject {
  const kept: JsonObject = {};
  let isSame = true;
  for (const key of Object.keys(value)) {
    const step = memberStep(schema, key);
    const fate = fateOf(step.name, step.declared);
    const left = fate === 'drop' || fate === 'keep' ? value[key] : fate(step.schema, value[key]);
    isSame &&= fate !== 'drop' && left === value[key];
    // What became empty by this was only there for what was taken away.
    if (fate === 'drop' || (step.declared && left !== value[key] && isBare(left))) continue;
    setMember(kept, key, left);
  }
  return isSame ? value : kept;
}

function narrow({ last, kept }: Claims, name: string): Claims {
  return { last: ownPlace(last, name), kept: placesIn(kept, name) };
}

function placesIn(sets: readonly FieldSet[], name: string): FieldSet[] {
  return sets.flatMap((set) => ownPlace(set, name) ?? []);
}
