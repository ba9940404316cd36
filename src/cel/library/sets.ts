import { equal } from '../equal.ts';
import type { Meter } from '../meter.ts';
import { type Overload, overload } from '../signature.ts';

type List = readonly unknown[];

/** https://pkg.go.dev/github.com/google/cel-go/ext#Sets */
export function sets(): Overload[] {
  const options = { cost: (a: number, b = 0) => a * b };
  const contains = (list: List, parts: List, meter: Meter) => parts.every((part) => has(list, part, meter));
  return [
    overload('sets.contains(list<T>, list<T>): bool', contains, options),
    overload(
      'sets.equivalent(list<T>, list<T>): bool',
      (a: List, b: List, meter: Meter) => contains(a, b, meter) && contains(b, a, meter),
      options,
    ),
    overload(
      'sets.intersects(list<T>, list<T>): bool',
      (a: List, b: List, meter: Meter) => b.some((item) => has(a, item, meter)),
      options,
    ),
  ];
}

function has(list: List, item: unknown, meter: Meter): boolean {
  return list.some((one) => {
    meter.spend(0.1);
    return equal(one, item, meter);
  });
}
