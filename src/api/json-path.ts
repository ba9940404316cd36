import { AmphoraError } from '../lib/errors.ts';
import { isJsonObject, memberOf } from './json.ts';

type Step =
  | { readonly type: 'member'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'filter'; readonly path: readonly Step[]; readonly equals: unknown };

/** Finds values in an object; none where the path leads nowhere. */
export type JsonPath = (value: unknown) => readonly unknown[];

/**
 * The part of kubectl's JSONPath that CRDs use: `.spec.size`, `.metadata.labels['a.b/c']`, `.a\.b`, `[0]`, `[-1]`,
 * `[*]`, `[?(@.type=="Ready")]`. https://kubernetes.io/docs/reference/kubectl/jsonpath/
 * @throws BadRequest for anything else.
 */
export function parseJsonPath(text: string): JsonPath {
  const steps = new Parser(text).steps();
  return (value) => follow(steps, [value]);
}

function follow(steps: readonly Step[], from: readonly unknown[]): readonly unknown[] {
  return steps.reduce((values, step) => values.flatMap((value) => take(step, value)), from);
}

function take(step: Step, value: unknown): readonly unknown[] {
  switch (step.type) {
    case 'member': {
      const member = isJsonObject(value) ? memberOf(value, step.name) : undefined;
      return member === undefined ? [] : [member];
    }
    case 'index': {
      const item = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return children(value);
    case 'filter':
      return children(value).filter((child) => follow(step.path, [child])[0] === step.equals);
  }
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

/** Sticky expressions, tried in turn at each place. */
const MEMBER = /\.?((?:\\.|[^.[\]\\'"@?()*\s])+)/y;
const QUOTED = /\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/y;
const INDEX = /\[\s*(-?\d{1,6})\s*\]/y;
const ALL = /\.?\[\s*\*\s*\]|\.\*/y;
const FILTER =
  /\[\s*\?\(\s*@((?:\.[^\s=!<>()[\]]+)+)\s*==\s*(?:'([^']*)'|"([^"]*)"|(true|false)|(-?\d+))\s*\)\s*\]/y;

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
    return steps;
  }

  #step(): Step {
    if (this.#match(ALL) !== undefined) return { type: 'all' };
    const filter = this.#match(FILTER);
    if (filter !== undefined) {
      const [, path = '', single, double, flag, number] = filter;
      const equals = single ?? double ?? (flag === undefined ? Number(number) : flag === 'true');
      return { type: 'filter', path: new Parser(path).steps(), equals };
    }
    const quoted = this.#match(QUOTED);
    if (quoted !== undefined) return { type: 'member', name: quoted[1] ?? quoted[2] ?? '' };
    const index = this.#match(INDEX);
    if (index !== undefined) return { type: 'index', index: Number(index[1]) };
    const member = this.#match(MEMBER);
    if (member !== undefined) return { type: 'member', name: (member[1] ?? '').replace(/\\(.)/g, '$1') };
    throw new AmphoraError(
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
