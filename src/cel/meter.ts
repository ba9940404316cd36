import type { RE2JS } from 're2js';
import { LIMITS } from '../lib/limits.ts';
import { CostExceeded } from './faults.ts';
import type { Patterns } from './patterns.ts';

/** What all evaluations for one request may cost together; each takes from it. */
export class CelBudget {
  left: number;

  constructor(left: number = LIMITS.celRequestCost) {
    this.left = left;
  }
}

/**
 * Counts what one evaluation costs, in upstream's units: a step is 1, walking a string 0.1 a character.
 * A unit is some 20 ns, so that the limits are bounds on time.
 */
export class Meter {
  #left: number;
  readonly #start: number;
  readonly #whole: boolean;
  /** The variables of the expression and of its macros. */
  readonly slots: unknown[] = [];

  readonly #patterns: Patterns;

  constructor(budget: CelBudget, patterns: Patterns) {
    this.#patterns = patterns;
    this.#whole = budget.left < LIMITS.celExpressionCost;
    this.#start = this.#whole ? budget.left : LIMITS.celExpressionCost;
    this.#left = this.#start;
  }

  /** @throws CostExceeded */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left >= 0) return;
    this.#left = 0; // What was too dear was not done.
    throw new CostExceeded(this.#whole);
  }

  /** Compiled, at a cost, unless it is known. @throws CelFault */
  pattern(source: string): RE2JS {
    return this.#patterns.get(source, (cost) => this.spend(cost));
  }

  get spent(): number {
    return this.#start - this.#left;
  }
}

/** One step of a compiled expression. */
export type Step = (meter: Meter) => unknown;
