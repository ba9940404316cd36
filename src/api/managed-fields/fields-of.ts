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

/** A value and everything below it that is a field: what came or went with it. */
export function everything(schema: Schema, value: unknown): FieldSet {
  if (formOf(schema, value) === 'whole' || isBare(value)) return FIELD;
  const set: FieldSet = { [SELF]: FIELD };
  for (const step of steps(schema, undefined, value))
    set[step.name] = step.repeated ? FIELD : everything(step.schema, step.right);
  return set;
}
