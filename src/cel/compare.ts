import { fault, NO_OVERLOAD } from './faults.ts';
import type { Meter } from './meter.ts';
import { compareNumbers, isNumeric } from './numbers.ts';
import { Duration, Timestamp } from './values.ts';

/** Negative, zero or positive, NaN for a NaN. @throws CelFault for what has no order, or not with each other */
export function compareValues(a: unknown, b: unknown, meter: Meter): number {
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spend(Math.min(a.length, b.length) * 0.1);
    return compareText(a, b);
  }
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Timestamp && b instanceof Timestamp) return sign(a.nanos - b.nanos);
  if (a instanceof Duration && b instanceof Duration) return sign(a.nanos - b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    meter.spend(Math.min(a.length, b.length) * 0.1);
    return Buffer.compare(a, b);
  }
  throw fault(NO_OVERLOAD);
}

function sign(difference: bigint): number {
  return difference < 0n ? -1 : Number(difference > 0n);
}

/** By code points, as Go compares UTF-8; JavaScript's own order differs for surrogates. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** A surrogate stands for a character above all that are written with one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
