import {
  type Quantity as Amount,
  compareQuantities,
  formatQuantity,
  tryParseQuantity,
} from '../../api/quantity.ts';
import { fault } from '../faults.ts';
import { type Int, MAX_INT, MIN_INT, toInt } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { Double, Opaque } from '../values.ts';
import { walk } from './cost.ts';

const TYPE = 'kubernetes.Quantity';
const NANO = 1_000_000_000n;

class Quantity extends Opaque {
  readonly typeName = TYPE;
  readonly amount: Amount;

  constructor(amount: Amount) {
    super();
    this.amount = amount;
  }

  equals(other: Opaque): boolean {
    return other instanceof Quantity && compareQuantities(this.amount, other.amount) === 0;
  }

  override toString(): string {
    return formatQuantity(this.amount);
  }
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library */
export function quantities(): Overload[] {
  const compare = (a: Quantity, b: Quantity) => compareQuantities(a.amount, b.amount);
  return [
    overload(`quantity(string): ${TYPE}`, parse, { cost: walk }),
    overload('isQuantity(string): bool', (text: string) => typeof tryParseQuantity(text) !== 'string', {
      cost: walk,
    }),
    overload(`(${TYPE}).sign(): int`, ({ amount: { nanos } }: Quantity) =>
      nanos < 0n ? -1 : Number(nanos > 0n),
    ),
    overload(`(${TYPE}).isInteger(): bool`, ({ amount }: Quantity) => wholeOf(amount) !== undefined),
    overload(`(${TYPE}).asInteger(): int`, asInteger),
    overload(
      `(${TYPE}).asApproximateFloat(): double`,
      ({ amount }: Quantity) => new Double(Number(amount.nanos) / 1e9),
    ),
    overload(`(${TYPE}).add(${TYPE}): ${TYPE}`, (a: Quantity, b: Quantity) => plus(a, b.amount.nanos)),
    overload(`(${TYPE}).add(int): ${TYPE}`, (a: Quantity, b: Int) => plus(a, BigInt(b) * NANO)),
    overload(`(${TYPE}).sub(${TYPE}): ${TYPE}`, (a: Quantity, b: Quantity) => plus(a, -b.amount.nanos)),
    overload(`(${TYPE}).sub(int): ${TYPE}`, (a: Quantity, b: Int) => plus(a, -BigInt(b) * NANO)),
    overload(`(${TYPE}).isLessThan(${TYPE}): bool`, (a: Quantity, b: Quantity) => compare(a, b) < 0),
    overload(`(${TYPE}).isGreaterThan(${TYPE}): bool`, (a: Quantity, b: Quantity) => compare(a, b) > 0),
    overload(`(${TYPE}).compareTo(${TYPE}): int`, compare),
  ];
}

function parse(text: string): Quantity {
  const amount = tryParseQuantity(text);
  if (typeof amount === 'string') throw fault(amount);
  return new Quantity(amount);
}

function plus({ amount }: Quantity, nanos: bigint): Quantity {
  return new Quantity({ nanos: amount.nanos + nanos, format: amount.format });
}

/** The largest quantity stands for all that are larger, so it is no number. */
function wholeOf({ nanos }: Amount): bigint | undefined {
  const whole = nanos / NANO;
  return nanos % NANO === 0n && whole < MAX_INT && whole > MIN_INT ? whole : undefined;
}

function asInteger({ amount }: Quantity): Int {
  const whole = wholeOf(amount);
  if (whole === undefined) throw fault('cannot convert value to integer');
  return toInt(whole);
}
