import { equalJson, isJsonObject } from '../json.ts';
import { sameQuantity } from '../quantity.ts';
import type { Schema } from '../schema.ts';
import { FIELD, type FieldSet, SELF } from './field-set.ts';
import { everything } from './fields-of.ts';
import { formOf, isBare, type Step, steps } from './walk.ts';

/** What a write did to fields. At least one is there. */
export interface Difference {
  /** New fields and fields with another value. */
  readonly changed?: FieldSet | undefined;
  readonly removed?: FieldSet | undefined;
}

/**
 * The fields in which two values of a schema differ; undefined when in none. A new object differs from `{}`, in which
 * what is inline (`spec`, the lists a kind requires) is there already, so nobody brings it.
 */
export function compare(schema: Schema, left: unknown, right: unknown): Difference | undefined {
  if (left === right) return undefined;
  if (left === undefined) return { changed: everything(schema, right) };
  if (right === undefined) return { removed: everything(schema, left) };
  const form = formOf(schema, right);
  if (form !== formOf(schema, left)) return otherForm(schema, left, right);
  if (form === 'whole' || (isBare(left) && isBare(right)))
    return isSame(schema, left, right) ? undefined : { changed: FIELD };
  if (form === 'items' && equalJson(left, right)) return undefined;
  return inside(schema, left, right);
}

function inside(schema: Schema, left: unknown, right: unknown): Difference | undefined {
  let changed: FieldSet | undefined;
  let removed: FieldSet | undefined;
  for (const step of steps(schema, left, right)) {
    const found = step.repeated ? compareRepeated(step) : compareStep(step);
    if (found?.changed !== undefined) {
      changed ??= {};
      changed[step.name] = found.changed;
    }
    if (found?.removed !== undefined) {
      removed ??= {};
      removed[step.name] = found.removed;
    }
  }
  return changed === undefined && removed === undefined ? undefined : { changed, removed };
}

function compareStep({ schema, inline, left, right }: Step): Difference | undefined {
  if (left !== undefined || !inline) return compare(schema, left, right);
  return compare(schema, Array.isArray(right) ? [] : isJsonObject(right) ? {} : undefined, right);
}

/** Nothing declares what this is, and what was a leaf is now an object, or the other way round. */
function otherForm(schema: Schema, left: unknown, right: unknown): Difference {
  const { [SELF]: _self, ...gone } = everything(schema, left);
  const isGone = Object.keys(gone).length > 0;
  return { changed: everything(schema, right), removed: isGone ? gone : undefined };
}

/** Items that share a name are one field together. */
function compareRepeated({ schema, left, right }: Step): Difference | undefined {
  // A repeated step has lists on both sides.
  const before = left as unknown[];
  const after = right as unknown[];
  if (before.length > 1 && after.length > 1) return equalJson(before, after) ? undefined : { changed: FIELD };
  if (before.length > 1)
    return after.length === 0
      ? { removed: FIELD }
      : { removed: FIELD, changed: everything(schema, after[0]) };
  return before.length === 0
    ? { changed: FIELD }
    : { removed: everything(schema, before[0]), changed: FIELD };
}

/** One quantity may be written in several ways, and it is stored in one. */
function isSame(schema: Schema, left: unknown, right: unknown): boolean {
  return equalJson(left, right) || (schema.type === 'quantity' && sameQuantity(left, right));
}
