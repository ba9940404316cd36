import type { JsonObject } from '../../api/json.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';

export const NOT_NEGATIVE = 'must be greater than or equal to 0';
export const POSITIVE = 'must be greater than 0';

/** Each of these fields of an object, where it is set, is 0 or more. */
export function notNegative(of: JsonObject, path: string, ...fields: string[]): ErrorDetail[] {
  return fields.flatMap((field) => {
    const value = of[field];
    return typeof value === 'number' && value < 0 ? [invalid(`${path}.${field}`, value, NOT_NEGATIVE)] : [];
  });
}

export function within(
  value: unknown,
  field: string,
  range: { readonly from: number; readonly to: number },
): ErrorDetail[] {
  if (typeof value !== 'number' || (value >= range.from && value <= range.to)) return [];
  return [invalid(field, value, `must be between ${range.from} and ${range.to}, inclusive`)];
}

const PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A count that is 0 or more, or a percentage. */
export function intOrPercent(value: unknown, field: string): ErrorDetail[] {
  if (typeof value === 'number' && value < 0) return [invalid(field, value, NOT_NEGATIVE)];
  if (typeof value === 'string' && !/^[0-9]+%$/.test(value)) return [invalid(field, value, PERCENT)];
  return [];
}

export function atMostAll(value: unknown, field: string): ErrorDetail[] {
  const percent = percentOf(value);
  return percent !== undefined && percent > 100
    ? [invalid(field, value, 'must not be greater than 100%')]
    : [];
}

/** Whether a count or percentage is 0; one that is missing is. */
export function isZero(value: unknown): boolean {
  return value === undefined || value === 0 || percentOf(value) === 0;
}

function percentOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}
