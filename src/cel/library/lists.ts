import { compareValues } from '../compare.ts';
import { equal } from '../equal.ts';
import { fault } from '../faults.ts';
import type { Meter } from '../meter.ts';
import { add, type Int, toUint } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { duration } from '../time.ts';
import { Double, Duration, Uint } from '../values.ts';
import { walk } from './cost.ts';

type List = readonly unknown[];

const ORDERED = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library */
export function lists(): Overload[] {
  const options = { cost: walk };
  return [
    ...ORDERED.flatMap((type) => [
      overload(`(list<${type}>).isSorted(): bool`, isSorted, options),
      overload(
        `(list<${type}>).min(): ${type}`,
        least('min', (order) => order < 0),
        options,
      ),
      overload(
        `(list<${type}>).max(): ${type}`,
        least('max', (order) => order > 0),
        options,
      ),
    ]),
    overload('(list<int>).sum(): int', (list: List) => sum(list, 0), options),
    overload('(list<uint>).sum(): uint', (list: List) => sum(list, new Uint(0n)), options),
    overload('(list<double>).sum(): double', (list: List) => sum(list, new Double(0)), options),
    overload('(list<duration>).sum(): duration', (list: List) => sum(list, new Duration(0n)), options),
    overload('(list<T>).indexOf(T): int', indexOf),
    overload('(list<T>).lastIndexOf(T): int', lastIndexOf),
  ];
}

function isSorted(list: List, meter: Meter): boolean {
  for (let i = 1; i < list.length; i++) {
    meter.spend(1);
    if (compareValues(list[i - 1], list[i], meter) > 0) return false;
  }
  return true;
}

function least(name: string, better: (order: number) => boolean): (list: List, meter: Meter) => unknown {
  return (list, meter) => {
    if (list.length === 0) throw fault(`${name} called on empty list`);
    let best = list[0];
    for (const item of list) {
      meter.spend(1);
      if (better(compareValues(item, best, meter))) best = item;
    }
    return best;
  };
}

/** By the kind of what is in it, since an unknown list is taken for the first overload's. */
function sum(list: List, zero: unknown): unknown {
  let total: unknown;
  for (const item of list) total = total === undefined ? item : plus(total, item);
  if (total === undefined) return zero;
  return plus(total, zeroOf(total));
}

function zeroOf(value: unknown): unknown {
  if (value instanceof Double) return new Double(0);
  if (value instanceof Uint) return new Uint(0n);
  return value instanceof Duration ? new Duration(0n) : 0;
}

function plus(a: unknown, b: unknown): unknown {
  if (isInt(a) && isInt(b)) return add(a, b);
  if (a instanceof Double && b instanceof Double) return new Double(a.value + b.value);
  if (a instanceof Uint && b instanceof Uint) return toUint(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  throw fault('no such overload');
}

function isInt(value: unknown): value is Int {
  return typeof value === 'number' || typeof value === 'bigint';
}

function indexOf(list: List, item: unknown, meter: Meter): number {
  return list.findIndex((one) => same(one, item, meter));
}

function lastIndexOf(list: List, item: unknown, meter: Meter): number {
  return list.findLastIndex((one) => same(one, item, meter));
}

function same(a: unknown, b: unknown, meter: Meter): boolean {
  meter.spend(1);
  return equal(a, b, meter);
}
