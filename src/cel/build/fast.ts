import { compareValues } from '../compare.ts';
import { equal } from '../equal.ts';
import { fault, NO_OVERLOAD } from '../faults.ts';
import type { Step } from '../meter.ts';
import { add, compareNumbers, isNumeric, subtract } from '../numbers.ts';
import { concatenateBySchema, equalBySchema, hasOwnEquality } from '../schema-equal.ts';
import type { ListType } from '../types.ts';
import type { Built } from './scope.ts';

/** The operators that rules are made of, without the choice among overloads; undefined for any other. */
export function buildFast(name: string, args: readonly Built[]): Step | undefined {
  const [left, right] = args;
  if (left === undefined) return undefined;
  if (name === '!_') return negation(left);
  if (right === undefined) return undefined;
  if (name === '_==_' || name === '_!=_') return equality(left, right, name === '_==_');
  const order = Object.hasOwn(ORDERS, name) ? ORDERS[name] : undefined;
  if (order !== undefined) return ordering(left, right, order);
  if (name === '_+_' && left.type.kind === 'list' && left.type.keys !== undefined)
    return union(left, right, left.type);
  const ints = left.type.kind === 'int' && right.type.kind === 'int';
  if (ints && (name === '_+_' || name === '_-_')) return sum(left, right, name === '_+_' ? add : subtract);
  return undefined;
}

function negation({ run }: Built): Step {
  return (meter) => {
    const value = run(meter);
    meter.spend(1);
    if (typeof value !== 'boolean') throw fault(NO_OVERLOAD);
    return !value;
  };
}

function equality(left: Built, right: Built, wanted: boolean): Step {
  // Of two that the schema knows, the one is as good as the other.
  const typed = [left.type, right.type].find(hasOwnEquality);
  if (typed !== undefined)
    return (meter) => {
      const a = left.run(meter);
      const b = right.run(meter);
      meter.spend(1);
      return equalBySchema(typed, a, b, meter) === wanted;
    };
  return (meter) => {
    const a = left.run(meter);
    const b = right.run(meter);
    meter.spend(1);
    return equal(a, b, meter) === wanted;
  };
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '_<_': (order) => order < 0,
  '_<=_': (order) => order <= 0,
  '_>_': (order) => order > 0,
  '_>=_': (order) => order >= 0,
};

function ordering(left: Built, right: Built, holds: (order: number) => boolean): Step {
  return (meter) => {
    const a = left.run(meter);
    const b = right.run(meter);
    meter.spend(1);
    if (isNumeric(a) && isNumeric(b)) return holds(compareNumbers(a, b));
    return holds(compareValues(a, b, meter));
  };
}

function sum(left: Built, right: Built, compute: typeof add): Step {
  return (meter) => {
    const a = left.run(meter);
    const b = right.run(meter);
    meter.spend(1);
    if (!isInt(a) || !isInt(b)) throw fault(NO_OVERLOAD);
    return compute(a, b);
  };
}

function union(left: Built, right: Built, type: ListType): Step {
  return (meter) => {
    const a = left.run(meter);
    const b = right.run(meter);
    if (!Array.isArray(a) || !Array.isArray(b)) throw fault(NO_OVERLOAD);
    return concatenateBySchema(type, a, b, meter);
  };
}

function isInt(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
