import { fault } from '../faults.ts';
import { type Overload, overload } from '../signature.ts';
import {
  CelMap,
  Double,
  Duration,
  isPlainObject,
  mapSize,
  NONE,
  Optional,
  Timestamp,
  Uint,
} from '../values.ts';

/** https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes */
export function optionals(): Overload[] {
  return [
    overload('optional.of(T): optional_type<T>', (value: unknown) => new Optional(value)),
    overload('optional.none(): optional_type<T>', () => NONE),
    overload('optional.ofNonZeroValue(T): optional_type<T>', (value: unknown) =>
      isZero(value) ? NONE : new Optional(value),
    ),
    overload('(optional_type<T>).hasValue(): bool', ({ value }: Optional) => value !== undefined),
    overload('(optional_type<T>).value(): T', unwrap),
    overload('(optional_type<T>).or(optional_type<T>): optional_type<T>', (a: Optional, b: Optional) =>
      a.value === undefined ? b : a,
    ),
    overload('(optional_type<T>).orValue(T): T', ({ value }: Optional, other: unknown) =>
      value === undefined ? other : value,
    ),
  ];
}

function unwrap({ value }: Optional): unknown {
  if (value === undefined) throw fault('optional.none() dereference');
  return value;
}

/** The first instant of the year 1. */
const ZERO_TIME = -62_135_596_800_000_000_000n;

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === '') return true;
  if (value instanceof Double) return value.value === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === ZERO_TIME;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return (value instanceof CelMap || isPlainObject(value)) && mapSize(value) === 0;
}
