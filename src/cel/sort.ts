import { compareValues } from './compare.ts';
import { fault } from './faults.ts';
import type { Meter } from './meter.ts';
import { typeNameOf } from './values.ts';

/** A sorted copy. @throws CelFault unless all keys are of one type that has an order */
export function sortValues<T>(items: readonly T[], keyOf: (item: T) => unknown, meter: Meter): T[] {
  const [first] = items;
  const type = first === undefined ? '' : typeNameOf(keyOf(first));
  if (items.some((item) => typeNameOf(keyOf(item)) !== type))
    throw fault('list elements must have the same type');
  meter.spend(items.length * 2);
  return items.toSorted((a, b) => {
    meter.spend(1);
    return compareValues(keyOf(a), keyOf(b), meter);
  });
}
