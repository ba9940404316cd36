import { compareQuantities, type Quantity, tryParseQuantity } from '../../api/quantity.ts';
import type { ErrorDetail } from '../../lib/errors.ts';
import { invalid } from '../field-errors.ts';
import { NOT_NEGATIVE } from './numbers.ts';

/** Undefined for what is no quantity. */
export function quantityOf(value: unknown): Quantity | undefined {
  const parsed = tryParseQuantity(String(value));
  return typeof parsed === 'string' ? undefined : parsed;
}

export function positiveQuantity(value: unknown, field: string): ErrorDetail[] {
  const parsed = tryParseQuantity(String(value));
  if (typeof parsed === 'string') return [invalid(field, value, parsed)];
  return parsed.nanos > 0n ? [] : [invalid(field, value, 'must be greater than zero')];
}

export function notNegativeQuantity(value: unknown, field: string): ErrorDetail[] {
  const parsed = tryParseQuantity(String(value));
  if (typeof parsed === 'string') return [invalid(field, value, parsed)];
  return parsed.nanos >= 0n ? [] : [invalid(field, value, NOT_NEGATIVE)];
}

export function isWhole(value: unknown): boolean {
  const parsed = quantityOf(value);
  return parsed === undefined || parsed.nanos % 1_000_000_000n === 0n;
}

/** Whether both are quantities and `a` is less than `b`. */
export function isLess(a: unknown, b: unknown): boolean {
  const [first, second] = [quantityOf(a), quantityOf(b)];
  return first !== undefined && second !== undefined && compareQuantities(first, second) < 0;
}
