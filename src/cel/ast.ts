/** What an expression is made of. `at` is the character where a fault of the node is shown, as cel-go shows it. */
export type Node =
  | { readonly op: 'literal'; readonly at: number; readonly value: unknown; readonly type: LiteralType }
  | { readonly op: 'ident'; readonly at: number; readonly name: string }
  /** `a.b`, or `a.?b` where `optional`; `test`: has(a.b). */
  | {
      readonly op: 'select';
      readonly at: number;
      readonly operand: Node;
      readonly field: string;
      readonly optional: boolean;
      readonly test: boolean;
    }
  | {
      readonly op: 'index';
      readonly at: number;
      readonly operand: Node;
      readonly index: Node;
      readonly optional: boolean;
    }
  | CallNode
  /** `mixed`: its items need not be of one type, as what `format` is given. */
  | {
      readonly op: 'list';
      readonly at: number;
      readonly items: readonly ListItem[];
      readonly mixed?: boolean;
    }
  | { readonly op: 'map'; readonly at: number; readonly entries: readonly MapEntry[] }
  | {
      readonly op: 'struct';
      readonly at: number;
      readonly name: string;
      readonly fields: readonly StructField[];
    }
  /** Any number of terms, so that a long chain is no deep tree. */
  | { readonly op: 'and' | 'or'; readonly at: number; readonly terms: readonly Node[] }
  | {
      readonly op: 'ternary';
      readonly at: number;
      readonly test: Node;
      readonly yes: Node;
      readonly no: Node;
    }
  | FoldNode
  | {
      readonly op: 'bind';
      readonly at: number;
      readonly name: string;
      readonly value: Node;
      readonly body: Node;
    }
  | {
      readonly op: 'opt-map';
      readonly at: number;
      readonly operand: Node;
      readonly name: string;
      readonly body: Node;
      /** `optFlatMap`: the body is itself an optional. */
      readonly flat: boolean;
    };

export type LiteralType = 'int' | 'uint' | 'double' | 'bool' | 'string' | 'bytes' | 'null';

export interface CallNode {
  readonly op: 'call';
  readonly at: number;
  /** `size`, or `_+_` for an operator. */
  readonly name: string;
  readonly receiver?: Node;
  readonly args: readonly Node[];
}

/** A macro that walks a list or a map. */
export interface FoldNode {
  readonly op: 'fold';
  readonly at: number;
  readonly macro: FoldMacro;
  readonly range: Node;
  /** One name: the item, or a map's key; two: index and item, or key and value. */
  readonly names: readonly string[];
  readonly filter?: Node;
  /** The predicate, or what each step yields. */
  readonly body: Node;
}

export type FoldMacro =
  | 'all'
  | 'exists'
  | 'exists_one'
  | 'map'
  | 'filter'
  | 'sortBy'
  | 'transformMap'
  | 'transformMapEntry';

export interface ListItem {
  readonly value: Node;
  readonly optional: boolean;
}

export interface MapEntry {
  readonly key: Node;
  readonly value: Node;
  readonly optional: boolean;
}

export interface StructField {
  readonly name: string;
  readonly value: Node;
  readonly optional: boolean;
}

/** What is wrong with the source, and where. */
export class SourceFault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.name = 'SourceFault';
    this.at = at;
  }
}
