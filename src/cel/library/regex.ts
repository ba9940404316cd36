import { CelFault } from '../faults.ts';
import type { Meter } from '../meter.ts';
import type { Int } from '../numbers.ts';
import { compilePattern } from '../patterns.ts';
import { type Overload, overload } from '../signature.ts';

/** What a step of the engine costs: of its automaton, which `matches` needs, and of its simulation, which finds where. */
const MATCH_STEP = 0.03;
const FIND_STEP = 1;
/** From so many steps on a match costs ten times as much: it cannot be interrupted. */
const MANY_STEPS = 1_000_000;
/**
 * Most patterns take far less than a step each, some thrash the automaton. So what takes longer than this also costs its
 * time, but no single call so much that a pause of the process would fail a rule.
 */
const SLOW_MS = 0.2;
const COST_PER_MS = 20_000;
const MOST_TIME_COST = 300_000;

function matchCost(steps: number): number {
  return steps <= MANY_STEPS
    ? steps * MATCH_STEP
    : MANY_STEPS * MATCH_STEP + (steps - MANY_STEPS) * MATCH_STEP * 10;
}

function timed<T>(meter: Meter, work: () => T): T {
  const began = performance.now();
  const result = work();
  const took = performance.now() - began;
  if (took > SLOW_MS) meter.spend(Math.min(took * COST_PER_MS, MOST_TIME_COST));
  return result;
}

/**
 * Regular expressions, in linear time by RE2's engine; the program's size and not the pattern's length counts,
 * since `a{1,1000}` is short.
 */
export function regex(): Overload[] {
  const matches = (text: string, pattern: string, meter: Meter): boolean => {
    const program = meter.pattern(pattern);
    meter.spend(matchCost((1 + text.length) * program.programSize()));
    return timed(meter, () => program.test(text));
  };
  const find = (text: string, pattern: string, limit: number, meter: Meter): string[] => {
    const program = meter.pattern(pattern);
    const matcher = program.matcher(text);
    const found: string[] = [];
    let from = 0;
    while (found.length < limit) {
      meter.spend(1 + (text.length - from) * program.programSize() * FIND_STEP);
      if (!matcher.find()) break;
      found.push(matcher.group() ?? '');
      from = matcher.end();
    }
    return found;
  };
  const cost = (text: number, pattern = 0): number => Math.ceil((text + 1) * 0.1) * Math.ceil(pattern * 0.25);
  const first = (text: string, pattern: string, meter: Meter) => find(text, pattern, 1, meter)[0] ?? '';
  const all = (text: string, pattern: string, meter: Meter) => find(text, pattern, Infinity, meter);
  const some = (text: string, pattern: string, limit: Int, meter: Meter) =>
    find(text, pattern, limit < 0 ? Infinity : Number(limit), meter);
  const check = (_text: unknown, pattern: unknown) =>
    patternFault(pattern) === undefined ? undefined : 'invalid matches argument';
  const checkFind = (_text: unknown, pattern: unknown) => {
    const wrong = patternFault(pattern);
    return wrong === undefined ? undefined : `program instantiation failed: ${wrong}`;
  };
  return [
    overload('(string).matches(string): bool', matches, { cost, check }),
    overload('matches(string, string): bool', matches, { cost, check }),
    overload('(string).find(string): string', first, { cost, check: checkFind, size: (text) => text }),
    overload('(string).findAll(string): list<string>', all, { cost, check: checkFind, size: (text) => text }),
    overload('(string).findAll(string, int): list<string>', some, {
      cost,
      check: checkFind,
      size: (text) => text,
    }),
  ];
}

function patternFault(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return undefined;
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    return error instanceof CelFault ? error.message : String(error);
  }
}
