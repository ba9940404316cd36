import { fault } from './faults.ts';
import { Double, Uint } from './values.ts';

/**
 * A 64-bit integer: a plain number as long as it is exact, since BigInt costs an allocation each step.
 * A `number` in CEL is always an int (or a JSON number not yet adapted); a double is a {@link Double}.
 */
export type Int = number | bigint;

export const MAX_INT = 2n ** 63n - 1n;
export const MIN_INT = -(2n ** 63n);
export const MAX_UINT = 2n ** 64n - 1n;

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** @throws CelFault beyond 64 bits */
export function toInt(value: bigint): Int {
  if (value >= -MAX_EXACT && value <= MAX_EXACT) return Number(value);
  if (value < MIN_INT || value > MAX_INT) throw fault('integer overflow');
  return value;
}

export function toUint(value: bigint): Uint {
  if (value < 0n || value > MAX_UINT) throw fault('unsigned integer overflow');
  return new Uint(value);
}

export function add(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toInt(BigInt(a) + BigInt(b));
}

export function subtract(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toInt(BigInt(a) - BigInt(b));
}

export function multiply(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0; // `+ 0`: there is no negative zero.
  }
  return toInt(BigInt(a) * BigInt(b));
}

export function divide(a: Int, b: Int): Int {
  if (b === 0) throw fault('division by zero');
  if (typeof a === 'number' && typeof b === 'number') return Math.trunc(a / b) + 0;
  return toInt(BigInt(a) / BigInt(b));
}

export function modulo(a: Int, b: Int): Int {
  if (b === 0) throw fault('modulus by zero');
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0;
  return toInt(BigInt(a) % BigInt(b));
}

export function negate(a: Int): Int {
  return typeof a === 'number' ? 0 - a : toInt(-a);
}

export type Numeric = Int | Double | Uint;

export function isNumeric(value: unknown): value is Numeric {
  return (
    typeof value === 'number' || typeof value === 'bigint' || value instanceof Double || value instanceof Uint
  );
}

/** Negative, zero, positive; NaN when a NaN is among them. Whole numbers beside a double are taken as doubles. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  const isDouble = a instanceof Double || b instanceof Double;
  const left = isDouble ? toNumber(a) : a instanceof Uint ? a.value : a;
  const right = isDouble ? toNumber(b) : b instanceof Uint ? b.value : b;
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right || !isDouble ? 0 : Number.NaN;
}

function toNumber(value: Numeric): number {
  return Number(value instanceof Double || value instanceof Uint ? value.value : value);
}
