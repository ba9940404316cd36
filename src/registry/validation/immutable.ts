import { equalJson, type JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';

export const IMMUTABLE = 'field is immutable';

/** What is wrong when any of these fields of `next` is not what it was in `before`. */
export function immutable(
  change: { readonly next: JsonObject; readonly before: Readonly<JsonObject>; readonly path: string },
  ...fields: string[]
): ErrorDetail[] {
  const { next, before, path } = change;
  return fields
    .filter((field) => !equalJson(next[field], before[field]))
    .map((field) => invalid(path === '' ? field : `${path}.${field}`, next[field], IMMUTABLE));
}
