import { compareValues } from '../compare.ts';
import { equal } from '../equal.ts';
import { fault } from '../faults.ts';
import type { Meter } from '../meter.ts';
import { add, divide, type Int, modulo, multiply, negate, subtract, toUint } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { duration, timestamp } from '../time.ts';
import {
  CelMap,
  Double,
  type Duration,
  isPlainObject,
  mapGet,
  type Timestamp,
  type Uint,
} from '../values.ts';
import { walkBoth } from './cost.ts';

const NUMBERS = ['int', 'uint', 'double'];
const ORDERED = ['bool', 'string', 'bytes', 'timestamp', 'duration'];
const ORDERS: readonly (readonly [string, (order: number) => boolean])[] = [
  ['_<_', (order) => order < 0],
  ['_<=_', (order) => order <= 0],
  ['_>_', (order) => order > 0],
  ['_>=_', (order) => order >= 0],
];

/** https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions */
export function operators(): Overload[] {
  return [
    overload('!_(bool): bool', (a: boolean) => !a),
    overload('_==_(T, T): bool', (a: unknown, b: unknown, meter: Meter) => equal(a, b, meter)),
    overload('_!=_(T, T): bool', (a: unknown, b: unknown, meter: Meter) => !equal(a, b, meter)),
    ...ORDERS.flatMap(([name, holds]) => orders(name, holds)),
    overload('@in(T, list<T>): bool', isIn, { cost: (_item, list) => Math.ceil((list ?? 0) * 0.1) }),
    overload('@in(K, map<K, V>): bool', hasKey),
    ...arithmetic(),
    ...concatenation(),
    ...timeArithmetic(),
  ];
}

function orders(name: string, holds: (order: number) => boolean): Overload[] {
  const compare = (a: unknown, b: unknown, meter: Meter) => holds(compareValues(a, b, meter));
  const numbers = NUMBERS.flatMap((a) => NUMBERS.map((b) => `${name}(${a}, ${b}): bool`));
  const others = ORDERED.map((type) => `${name}(${type}, ${type}): bool`);
  return [...numbers, ...others].map((signature) => overload(signature, compare));
}

function isIn(item: unknown, list: readonly unknown[], meter: Meter): boolean {
  for (const one of list) {
    meter.spend(1);
    if (equal(item, one, meter)) return true;
  }
  return false;
}

function hasKey(key: unknown, map: CelMap | Record<string, unknown>): boolean {
  return (map instanceof CelMap || isPlainObject(map)) && mapGet(map, key) !== undefined;
}

function arithmetic(): Overload[] {
  return [
    overload('_+_(int, int): int', add),
    overload('_-_(int, int): int', subtract),
    overload('_*_(int, int): int', multiply),
    overload('_/_(int, int): int', divide),
    overload('_%_(int, int): int', modulo),
    overload('-_(int): int', (a: Int) => negate(a)),
    overload('_+_(uint, uint): uint', (a: Uint, b: Uint) => toUint(a.value + b.value)),
    overload('_-_(uint, uint): uint', (a: Uint, b: Uint) => toUint(a.value - b.value)),
    overload('_*_(uint, uint): uint', (a: Uint, b: Uint) => toUint(a.value * b.value)),
    overload('_/_(uint, uint): uint', (a: Uint, b: Uint) => toUint(a.value / nonZero(b, 'division'))),
    overload('_%_(uint, uint): uint', (a: Uint, b: Uint) => toUint(a.value % nonZero(b, 'modulus'))),
    overload('_+_(double, double): double', (a: Double, b: Double) => new Double(a.value + b.value)),
    overload('_-_(double, double): double', (a: Double, b: Double) => new Double(a.value - b.value)),
    overload('_*_(double, double): double', (a: Double, b: Double) => new Double(a.value * b.value)),
    overload('_/_(double, double): double', (a: Double, b: Double) => new Double(a.value / b.value)),
    overload('-_(double): double', (a: Double) => new Double(-a.value)),
  ];
}

function nonZero({ value }: Uint, what: string): bigint {
  if (value === 0n) throw fault(`${what} by zero`);
  return value;
}

function concatenation(): Overload[] {
  const grown = (a: number, b = 0): number => a + b;
  const options = { cost: walkBoth, size: grown };
  return [
    overload('_+_(string, string): string', (a: string, b: string) => a + b, options),
    overload('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => Buffer.concat([a, b]), options),
    overload('_+_(list<T>, list<T>): list<T>', (a: unknown[], b: unknown[]) => a.concat(b), {
      cost: (a, b = 0) => (a + b) * 0.5,
      size: grown,
    }),
  ];
}

function timeArithmetic(): Overload[] {
  return [
    overload('_+_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) =>
      timestamp(a.nanos + b.nanos),
    ),
    overload('_+_(duration, timestamp): timestamp', (a: Duration, b: Timestamp) =>
      timestamp(a.nanos + b.nanos),
    ),
    overload('_+_(duration, duration): duration', (a: Duration, b: Duration) => duration(a.nanos + b.nanos)),
    overload('_-_(timestamp, timestamp): duration', (a: Timestamp, b: Timestamp) =>
      duration(a.nanos - b.nanos),
    ),
    overload('_-_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) =>
      timestamp(a.nanos - b.nanos),
    ),
    overload('_-_(duration, duration): duration', (a: Duration, b: Duration) => duration(a.nanos - b.nanos)),
    overload('-_(duration): duration', (a: Duration) => duration(-a.nanos)),
  ];
}
