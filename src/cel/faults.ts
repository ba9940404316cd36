/**
 * What goes wrong while an expression runs: CEL's error value. Thrown without a stack, since `a || b` may absorb
 * one for each item of a list.
 */
export class CelFault {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

export function fault(message: string): CelFault {
  return new CelFault(message);
}

/** More work than the expression or the request may cause; nothing absorbs it. */
export class CostExceeded {
  /** Whether the request's budget ran out, and not only the expression's own. */
  readonly whole: boolean;

  constructor(whole: boolean) {
    this.whole = whole;
  }
}

export const NO_OVERLOAD = 'no such overload';

/** What throwing and catching one costs. */
const ABSORB_COST = 10;

/** The error when an expression may absorb it. @throws what is no error of the expression */
export function absorbed(thrown: unknown, meter: { spend(cost: number): void }): CelFault {
  if (!(thrown instanceof CelFault)) throw thrown;
  meter.spend(ABSORB_COST);
  return thrown;
}
