import { equal } from '../equal.ts';
import { fault } from '../faults.ts';
import type { Meter } from '../meter.ts';
import type { Int } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { sortValues } from '../sort.ts';
import { NONE, Optional } from '../values.ts';
import { walk } from './cost.ts';

type List = readonly unknown[];

/** https://pkg.go.dev/github.com/google/cel-go/ext#Lists, version 3, which Kubernetes has since 1.34. */
export function listExtensions(): Overload[] {
  const options = { cost: walk, size: (size: number) => size };
  return [
    overload('(list<T>).slice(int, int): list<T>', slice, options),
    overload('(list<list<T>>).flatten(): list<T>', (list: List, meter: Meter) => flatten(list, 1, meter)),
    overload('(list).flatten(int): list', flatten),
    overload('(list<T>).distinct(): list<T>', distinct, { size: (size) => size }),
    overload('(list<T>).reverse(): list<T>', (list: List) => list.toReversed(), options),
    overload(
      '(list<T>).sort(): list<T>',
      (list: List, meter: Meter) => sortValues(list, same, meter),
      options,
    ),
    overload('(list<T>).first(): optional_type<T>', (list: List) => optionalAt(list, 0)),
    overload('(list<T>).last(): optional_type<T>', (list: List) => optionalAt(list, list.length - 1)),
    overload('lists.range(int): list<int>', range),
  ];
}

function same(value: unknown): unknown {
  return value;
}

function optionalAt(list: List, at: number): Optional {
  return list.length === 0 ? NONE : new Optional(list[at]);
}

function slice(list: List, start: Int, end: Int): List {
  const [from, to] = [Number(start), Number(end)];
  const what = `cannot slice(${start}, ${end}), `;
  if (from < 0 || to < 0) throw fault(`${what}negative indexes not supported`);
  if (from > to) throw fault(`${what}start index must be less than or equal to end index`);
  if (to > list.length) throw fault(`${what}list is length ${list.length}`);
  return list.slice(from, to);
}

function flatten(list: List, depth: Int, meter: Meter): unknown[] {
  if (depth < 0) throw fault('level must be non-negative');
  meter.spend(list.length);
  return list.flatMap((item) =>
    Array.isArray(item) && depth > 0 ? flatten(item, Number(depth) - 1, meter) : [item],
  );
}

function distinct(list: List, meter: Meter): unknown[] {
  const found: unknown[] = [];
  for (const item of list) {
    meter.spend(1 + found.length * 0.1);
    if (!found.some((one) => equal(one, item, meter))) found.push(item);
  }
  return found;
}

function range(count: Int, meter: Meter): number[] {
  if (count > Number.MAX_SAFE_INTEGER) throw fault('list is too long');
  meter.spend(Math.max(0, Number(count)));
  return Array.from({ length: Math.max(0, Number(count)) }, (_, i) => i);
}
