import { AmphoraError } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { isJsonObject, memberOf } from './json.ts';

type Step =
  | { readonly type: 'members'; readonly names: readonly string[] }
  | { readonly type: 'indexes'; readonly indexes: readonly number[] }
  | { readonly type: 'slice'; readonly from: number; readonly to: number | undefined; readonly by: number }
  | { readonly type: 'all' }
  /** Everything below, at any depth, and the value itself. */
  | { readonly type: 'deep' }
  | { readonly type: 'filter'; readonly left: Operand; readonly operator: Operator; readonly right: Operand };

type Operator = '==' | '!=' | '<=' | '<' | '>=' | '>' | 'exists';
type Operand = { readonly path: readonly Step[] } | { readonly value: unknown };

/** Finds values in an object; none where the path leads nowhere. */
export type JsonPath = (value: unknown) => readonly unknown[];

/**
 * kubectl's JSONPath without templates: `.spec.size`, `.metadata.labels['a.b/c']`, `.a\.b`, `[0]`, `[-1]`, `[0:2]`,
 * `[0,2]`, `[*]`, `..name` (once), `[?(@.type=="Ready")]`. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 * @throws BadRequest for anything else.
 */
export function parseJsonPath(text: string): JsonPath {
  const steps = new Parser(text).steps();
  return (value) => follow(steps, [value]);
}

/** A path can name the same value many times over: what is too much is left out. */
function follow(steps: readonly Step[], from: readonly unknown[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((values, step) => {
    const found: unknown[] = [];
    for (const value of values) {
      for (const one of take(step, value)) {
        if (found.length >= LIMITS.jsonPathValues) return found;
        found.push(one);
      }
    }
    return found;
  }, from);
}

function take(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'members':
      return step.names
        .map((name) => (isJsonObject(value) ? memberOf(value, name) : undefined))
        .filter((member) => member !== undefined);
    case 'indexes':
      return step.indexes
        .map((index) => (Array.isArray(value) ? value.at(index) : undefined))
        .filter((item) => item !== undefined);
    case 'slice':
      return Array.isArray(value)
        ? value.slice(step.from, step.to).filter((_, at) => at % step.by === 0)
        : [];
    case 'all':
      return children(value);
    case 'deep':
      return [value, ...children(value).flatMap((child) => take(step, child))];
    case 'filter':
      return children(value).filter((child) => holds(step, child));
  }
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function holds({ left, operator, right }: Step & { type: 'filter' }, child: unknown): boolean {
  const [a] = valuesOf(left, child);
  if (operator === 'exists') return a !== undefined;
  const [b] = valuesOf(right, child);
  if (typeof a !== typeof b || a === undefined || b === undefined) return false;
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (typeof a === 'number' && typeof b === 'number') return compares(operator, a - b);
  return typeof a === 'string' && typeof b === 'string' && compares(operator, a < b ? -1 : Number(a > b));
}

function valuesOf(operand: Operand, child: unknown): readonly unknown[] {
  return 'path' in operand ? follow(operand.path, [child]) : [operand.value];
}

function compares(operator: Operator, difference: number): boolean {
  if (operator === '<') return difference < 0;
  if (operator === '<=') return difference <= 0;
  return operator === '>' ? difference > 0 : difference >= 0;
}

/** Sticky expressions, tried in turn at each place. */
const MEMBER = /\.?((?:\\.|[^.[\]\\'"@?()*\s])+)/y;
const QUOTED = /\[\s*((?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*)\s*\]/y;
const INDEXES = /\[\s*(-?\d{1,6}(?:\s*,\s*-?\d{1,6})*)\s*\]/y;
const SLICE = /\[\s*(-?\d{1,6})?\s*:\s*(-?\d{1,6})?\s*(?::\s*([1-9]\d{0,5})\s*)?\]/y;
const ALL = /\.?\[\s*\*\s*\]|\.\*/y;
const DEEP = /\.(?=\.)/y;
/** Neither side holds a parenthesis or the beginning of another filter outside of quotes. */
const FILTER = /\[\s*\?\(((?:'[^']*'|"[^"]*"|[^'"()?])+)\)\s*\]/y;
const COMPARISON = /^((?:'[^']*'|"[^"]*"|[^'"=!<>])+?)\s*(==|!=|<=|>=|<|>)\s*(.+)$/;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  steps(): readonly Step[] {
    const steps: Step[] = [];
    if (this.#text === '.') return steps;
    while (this.#at < this.#text.length) steps.push(this.#step());
    const deep = steps.findIndex(({ type }) => type === 'deep');
    const again = deep >= 0 && steps.findLastIndex(({ type }) => type === 'deep') > deep;
    if (again || (deep >= 0 && deep === steps.length - 1)) throw this.#fault();
    return steps;
  }

  #step(): Step {
    if (this.#match(DEEP) !== undefined) return { type: 'deep' };
    if (this.#match(ALL) !== undefined) return { type: 'all' };
    const filter = this.#match(FILTER)?.[1];
    if (filter !== undefined) return this.#filter(filter.trim());
    const quoted = this.#match(QUOTED)?.[1];
    if (quoted !== undefined) return { type: 'members', names: texts(quoted) };
    const indexes = this.#match(INDEXES)?.[1];
    if (indexes !== undefined) return { type: 'indexes', indexes: indexes.split(',').map(Number) };
    const slice = this.#match(SLICE);
    if (slice !== undefined) {
      const [, from = '0', to, by = '1'] = slice;
      return {
        type: 'slice',
        from: Number(from),
        to: to === undefined ? undefined : Number(to),
        by: Number(by),
      };
    }
    const member = this.#match(MEMBER)?.[1];
    if (member !== undefined) return { type: 'members', names: [member.replace(/\\(.)/g, '$1')] };
    throw this.#fault();
  }

  #filter(text: string): Step {
    const [, left = text, operator, right = ''] = COMPARISON.exec(text) ?? [];
    if (operator === undefined)
      return { type: 'filter', left: this.#operand(text), operator: 'exists', right: { value: undefined } };
    // The expression has no other alternatives.
    return {
      type: 'filter',
      left: this.#operand(left.trim()),
      operator: operator as Operator,
      right: this.#operand(right.trim()),
    };
  }

  #operand(text: string): Operand {
    if (text.startsWith('@')) return { path: new Parser(text.slice(1)).steps() };
    if (/^(?:'[^']*'|"[^"]*")$/.test(text)) return { value: text.slice(1, -1) };
    if (/^-?\d+(?:\.\d+)?$/.test(text)) return { value: Number(text) };
    if (text === 'true' || text === 'false') return { value: text === 'true' };
    throw this.#fault();
  }

  #fault(): AmphoraError {
    return new AmphoraError(
      'BadRequest',
      `the JSONPath ${JSON.stringify(this.#text)} is not understood from ${JSON.stringify(this.#text.slice(this.#at))} on`,
    );
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    // A copy, so that no state is shared between parsers.
    const sticky = new RegExp(expression.source, 'y');
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text);
    if (found === null || found[0] === '') return undefined;
    this.#at = sticky.lastIndex;
    return found;
  }
}

/** The texts in a list of quoted ones. */
function texts(list: string): readonly string[] {
  return (list.match(/'[^']*'|"[^"]*"/g) ?? []).map((one) => one.slice(1, -1));
}
