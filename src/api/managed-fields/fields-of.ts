import type { Schema } from '../schema.ts';
import { FIELD, type FieldSet, isEmpty, SELF } from './field-set.ts';
import { formOf, isBare, type Step, steps } from './walk.ts';

/**
 * The fields an apply sets: leaves, what is taken whole, entries of maps and items of lists. Declared fields that only
 * hold others do not count.
 */
export function fieldsOf(schema: Schema, value: unknown): FieldSet {
  const set: FieldSet = {};
  for (const step of steps(schema, undefined, value)) {
    const at = step.repeated ? FIELD : appliedAt(step);
    if (at !== undefined) set[step.name] = at;
  }
  return set;
}

function appliedAt({ schema, right: value, declared }: Step): FieldSet | undefined {
  const form = formOf(schema, value);
  if (form === 'whole') return FIELD;
  if (isBare(value)) return form === 'items' && declared && value !== null ? undefined : FIELD;
  const inner = fieldsOf(schema, value);
  if (declared) return isEmpty(inner) ? undefined : inner;
  return isEmpty(inner) ? FIELD : { [SELF]: FIELD, ...inner };
}

/**
 * The fields a new object brings. What an empty object of a built-in kind has already, such as `spec` and the lists it
 * requires, nobody brings.
 */
export function fieldsOfNew(schema: Schema, value: unknown, depth = 0): FieldSet {
  if (schema.type !== 'object' || schema.name === '') return belowAll(schema, value);
  const set: FieldSet = {};
  for (const step of steps(schema, undefined, value)) {
    const key = step.name.slice(2);
    const isThere =
      schema.required.includes(key) || schema.fields[key]?.inline === true || (depth === 0 && ROOT.has(key));
    const isWhole = step.repeated || formOf(step.schema, step.right) === 'whole' || isBare(step.right);
    if (isWhole || !isThere) set[step.name] = step.repeated ? FIELD : everything(step.schema, step.right);
    else set[step.name] = fieldsOfNew(step.schema, step.right, depth + 1);
  }
  return set;
}

const ROOT: ReadonlySet<string> = new Set(['metadata', 'spec', 'status']);

/** A value and everything below it that is a field: what came or went with it. */
export function everything(schema: Schema, value: unknown): FieldSet {
  if (formOf(schema, value) === 'whole' || isBare(value)) return FIELD;
  return { [SELF]: FIELD, ...belowAll(schema, value) };
}

function belowAll(schema: Schema, value: unknown): FieldSet {
  const set: FieldSet = {};
  for (const step of steps(schema, undefined, value))
    set[step.name] = step.repeated ? FIELD : everything(step.schema, step.right);
  return set;
}
