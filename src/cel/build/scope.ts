import { type Node, SourceFault } from '../ast.ts';
import type { Step } from '../meter.ts';
import type { Overload } from '../signature.ts';
import { type CelType, TYPES } from '../types.ts';

/** A part of an expression, checked and compiled. */
export interface Built {
  readonly type: CelType;
  readonly run: Step;
  /** The most it can cost, as far as the sizes in the types say. */
  readonly cost: number;
  /** Its value, where it is written out. */
  readonly literal?: unknown;
}

export interface Variable {
  readonly slot: number;
  readonly type: CelType;
}

/** By name, as {@link Overload.name} has it. */
export type Functions = ReadonlyMap<string, readonly Overload[]>;

/** The type of a message by its name; undefined: there is none. */
export type StructTypes = (name: string) => CelType | undefined;

export interface Language {
  readonly functions: Functions;
  readonly structs: StructTypes;
  readonly build: (node: Node, scope: Scope) => Built;
  /** What is wrong so far: one fault hides no other. */
  readonly faults: SourceFault[];
}

const BROKEN: Built = { type: TYPES.dyn, run: () => undefined, cost: 0 };

/** The variables one can see at a place of the expression. */
export class Scope {
  readonly language: Language;
  readonly #variables: ReadonlyMap<string, Variable>;
  readonly #counter: { slots: number };

  private constructor(
    language: Language,
    variables: ReadonlyMap<string, Variable>,
    counter: { slots: number },
  ) {
    this.language = language;
    this.#variables = variables;
    this.#counter = counter;
  }

  static root(language: Language, variables: Readonly<Record<string, CelType>>): Scope {
    const counter = { slots: 0 };
    const entries = Object.entries(variables);
    return new Scope(
      language,
      new Map(entries.map(([name, type]) => [name, { slot: counter.slots++, type }])),
      counter,
    );
  }

  find(name: string): Variable | undefined {
    return this.#variables.get(name);
  }

  /** The scope inside a macro, with its variables, each in a slot of its own. */
  with(types: Readonly<Record<string, CelType>>): {
    readonly scope: Scope;
    readonly slots: readonly number[];
  } {
    const variables = new Map(this.#variables);
    const slots = Object.entries(types).map(([name, type]) => {
      const slot = this.#counter.slots++;
      variables.set(name, { slot, type });
      return slot;
    });
    return { scope: new Scope(this.language, variables, this.#counter), slots };
  }

  /** A part with a fault is taken for one of any type, so that what stands around it is checked too. */
  build(node: Node): Built {
    try {
      return this.language.build(node, this);
    } catch (error) {
      if (!(error instanceof SourceFault)) throw error;
      this.language.faults.push(error);
      return BROKEN;
    }
  }
}

export function noOverload(at: number, name: string, types: readonly string[], method = false): SourceFault {
  const [receiver, ...rest] = types;
  const applied = method ? `${receiver}.(${rest.join(', ')})` : `(${types.join(', ')})`;
  return new SourceFault(at, `found no matching overload for '${name}' applied to '${applied}'`);
}
