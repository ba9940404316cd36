import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { adapterOf } from './adapt.ts';
import { SourceFault } from './ast.ts';
import { build } from './build/expression.ts';
import { type Built, type Language, Scope, type StructTypes } from './build/scope.ts';
import { CelFault, CostExceeded } from './faults.ts';
import { FUNCTIONS } from './library/all.ts';
import { type CelBudget, Meter } from './meter.ts';
import { parse } from './parser.ts';
import { Patterns } from './patterns.ts';
import { type CelType, isAssignable, typeText } from './types.ts';

/*
 * Kubernetes' Common Expression Language: the language of https://github.com/google/cel-spec with the libraries of
 * https://kubernetes.io/docs/reference/using-api/cel/, as 1.36 has them.
 *
 *   const self = schemaType(schema);                       // schema-type.ts: from a Schema, once
 *   const rule = compileExpression('self.replicas <= self.maxReplicas', {
 *     variables: { self, oldSelf: self },                  // or optionalOf(self), types.ts
 *     returns: [TYPES.bool],
 *   });                                                    // throws Invalid: `compilation failed: ERROR: <input>:1:6: …`
 *   const budget = new CelBudget();                        // one for all evaluations of a request
 *   const outcome = rule.evaluate({ self: object }, budget);
 *   if (outcome.fault !== undefined) …                     // `no such key: x`; `costExceeded` says of what kind
 *   else if (outcome.value !== true) …
 *
 * Values go in as decoded JSON, as they are: nothing is converted before an expression reads it, nothing is changed.
 * An optional variable is `new Optional(value)` or `NONE` (values.ts). What comes out is a CEL value; `toJson`
 * (to-json.ts) gives JSON. Evaluation is synchronous and bounded by its cost: LIMITS.celExpressionCost each,
 * and the budget for all.
 */

export interface CompileOptions {
  /** What the expression may name, and of what type. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** The result must be of one of these; left out: of any. */
  readonly returns?: readonly CelType[];
  /** Messages the expression may make: `Object.spec{…}`; left out: none. */
  readonly structs?: StructTypes;
}

export interface Program {
  readonly source: string;
  readonly type: CelType;
  /** The most an evaluation can cost, as far as the sizes in the variables' types say. */
  readonly estimatedCost: number;
  /** Variables of the options that are left out here must not be read; they are errors when they are. */
  evaluate(values: Readonly<Record<string, unknown>>, budget: CelBudget): Outcome;
}

export interface Outcome {
  /** Undefined exactly when there is a fault. */
  readonly value: unknown;
  /** What went wrong, in upstream's words. */
  readonly fault?: string;
  /** `expression`: it cost more than one may; `request`: the budget is used up, and nothing more should be evaluated. */
  readonly costExceeded?: 'expression' | 'request';
}

/** @throws Invalid with upstream's message, and the place in the source */
export function compileExpression(source: string, options: CompileOptions): Program {
  const { variables, returns } = options;
  const language: Language = {
    functions: FUNCTIONS,
    structs: options.structs ?? (() => undefined),
    build,
    faults: [],
  };
  const built = compile(source, Scope.root(language, variables));
  if (returns !== undefined && !returns.some((type) => isAssignable(type, built.type)))
    throw new AmphoraError('Invalid', wrongResult(returns, built.type));
  const inputs = Object.entries(variables).map(([name, type]) => ({ name, adapt: adapterOf(type) }));
  const patterns = new Patterns();
  return {
    source,
    type: built.type,
    estimatedCost: built.cost,
    evaluate: (values, budget) => {
      const meter = new Meter(budget, patterns);
      try {
        for (const { name, adapt } of inputs) {
          const value = values[name];
          meter.slots.push(adapt === undefined ? value : adapt(value));
        }
        return { value: built.run(meter) };
      } catch (thrown) {
        return failed(thrown);
      } finally {
        budget.left -= meter.spent;
      }
    },
  };
}

function compile(source: string, scope: Scope): Built {
  try {
    const built = scope.build(parse(source));
    const { faults } = scope.language;
    if (faults.length === 0) return built;
    throw refused(source, faults);
  } catch (error) {
    if (!(error instanceof SourceFault)) throw error;
    throw refused(source, [error]);
  }
}

function refused(source: string, faults: readonly SourceFault[]): AmphoraError {
  const whole = faults.find(({ at }) => at < 0);
  if (whole !== undefined) return new AmphoraError('Invalid', whole.message);
  const sorted = faults.toSorted((a, b) => a.at - b.at).slice(0, LIMITS.celFaults);
  return new AmphoraError(
    'Invalid',
    `compilation failed: ${sorted.map((fault) => located(source, fault)).join('\n')}`,
  );
}

/** `ERROR: <input>:1:6: what is wrong`, the line, and a mark below the place. */
function located(source: string, { at, message }: SourceFault): string {
  const before = source.slice(0, at).split('\n');
  const line = source.split('\n')[before.length - 1] ?? '';
  const column = before.at(-1)?.length ?? 0;
  return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

function wrongResult(returns: readonly CelType[], got: CelType): string {
  const names = returns.map(typeText);
  const [only = ''] = names;
  const wanted = names.length === 1 ? only : `one of [${names.join(' ')}]`;
  return `must evaluate to ${wanted} but got ${typeText(got)}`;
}

function failed(thrown: unknown): Outcome {
  if (thrown instanceof CelFault) return { value: undefined, fault: thrown.message };
  if (thrown instanceof CostExceeded) {
    const fault = `operation cancelled: actual cost limit exceeded`;
    return { value: undefined, fault, costExceeded: thrown.whole ? 'request' : 'expression' };
  }
  throw thrown;
}

/** What upstream says of a rule that may cost too much, with how often it may run; undefined: it may stand. */
export function costFault(program: Program, cardinality: number): string | undefined {
  const factor = (program.estimatedCost * cardinality) / LIMITS.celEstimatedCost;
  if (factor <= 1) return undefined;
  const by = factor > 100 ? 'more than 100x' : `${factor.toFixed(1)}x`;
  return `estimated rule cost exceeds budget by factor of ${by} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
