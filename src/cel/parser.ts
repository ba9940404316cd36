import { LIMITS } from '../lib/limits.ts';
import { type ListItem, type MapEntry, type Node, SourceFault, type StructField } from './ast.ts';
import { integerLiteral, type Token, tokenize } from './lexer.ts';
import { expandMacro } from './macros.ts';

const RELATIONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const SUMS: ReadonlySet<string> = new Set(['+', '-']);
const PRODUCTS: ReadonlySet<string> = new Set(['*', '/', '%']);
const WORDS: Readonly<Record<string, { value: unknown; type: 'bool' | 'null' }>> = {
  true: { value: true, type: 'bool' },
  false: { value: false, type: 'bool' },
  null: { value: null, type: 'null' },
};
/** Words that are no names of variables; as fields they may stand. */
const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/**
 * The tree of an expression, macros expanded.
 * https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
 * @throws SourceFault for what is no CEL, too long, too deep or too large
 */
export function parse(source: string): Node {
  if (source.length > LIMITS.celSourceCharacters)
    throw new SourceFault(
      0,
      `expression code point size exceeds limit: size: ${source.length}, limit ${LIMITS.celSourceCharacters}`,
    );
  const parser = new Parser(tokenize(source));
  const node = parser.expression();
  parser.expectEnd();
  return node;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  expectEnd(): void {
    if (this.#peek().kind !== 'end') throw this.#unexpected(['<EOF>']);
  }

  expression(): Node {
    this.#depth++;
    if (this.#depth > LIMITS.celNesting)
      throw new SourceFault(this.#peek().at, `expression recursion limit exceeded: ${LIMITS.celNesting}`);
    const test = this.#chain('or', '||', () => this.#chain('and', '&&', () => this.#relation()));
    const question = this.#accept('?');
    if (question === undefined) {
      this.#depth--;
      return test;
    }
    const yes = this.#chain('or', '||', () => this.#chain('and', '&&', () => this.#relation()));
    this.#expect(':');
    const no = this.expression();
    this.#depth--;
    return this.#made({ op: 'ternary', at: question.at, test, yes, no });
  }

  #chain(op: 'and' | 'or', sign: string, term: () => Node): Node {
    const first = term();
    const operator = this.#accept(sign);
    if (operator === undefined) return first;
    const terms = [first, term()];
    while (this.#accept(sign) !== undefined) terms.push(term());
    return this.#made({ op, at: operator.at, terms });
  }

  #relation(): Node {
    return this.#binary(RELATIONS, () =>
      this.#binary(SUMS, () => this.#binary(PRODUCTS, () => this.#unary())),
    );
  }

  /** Left-associative; each step makes the tree one deeper. */
  #binary(signs: ReadonlySet<string>, operand: () => Node): Node {
    let left = operand();
    let steps = 0;
    for (;;) {
      const token = this.#peek();
      if ((token.kind !== 'punctuation' && token.text !== 'in') || !signs.has(token.text)) break;
      if (token.kind === 'quoted-name') break;
      this.#next++;
      steps = this.#deeper(steps, token);
      const name = token.text === 'in' ? '@in' : `_${token.text}_`;
      left = this.#made({ op: 'call', at: token.at, name, args: [left, operand()] });
    }
    this.#depth -= steps;
    return left;
  }

  #deeper(steps: number, token: Token): number {
    this.#depth++;
    if (this.#depth > LIMITS.celNesting)
      throw new SourceFault(token.at, `expression recursion limit exceeded: ${LIMITS.celNesting}`);
    return steps + 1;
  }

  #unary(): Node {
    const signs: Token[] = [];
    for (;;) {
      const token = this.#accept('!') ?? this.#accept('-');
      if (token === undefined) break;
      signs.push(token);
      this.#deeper(0, token);
    }
    let node: Node | undefined;
    const last = signs.at(-1);
    const following = this.#peek();
    if (last?.text === '-' && following.kind === 'literal' && following.literal?.type !== 'string') {
      if (following.literal === undefined) {
        this.#next++;
        const literal = integerLiteral(following, true);
        node = this.#member(this.#made({ op: 'literal', at: last.at, ...literal }));
        signs.pop();
        this.#depth--;
      }
    }
    node ??= this.#member(this.#primary());
    for (const sign of signs.toReversed()) {
      node = this.#made({ op: 'call', at: sign.at, name: sign.text === '!' ? '!_' : '-_', args: [node] });
      this.#depth--;
    }
    return node;
  }

  /** What follows a value: `.field`, `.method(…)`, `[index]`, `Message{…}`. */
  #member(start: Node): Node {
    let node = start;
    let steps = 0;
    for (;;) {
      const token = this.#accept('.') ?? this.#accept('[') ?? this.#accept('{');
      if (token === undefined) break;
      steps = this.#deeper(steps, token);
      if (token.text === '.') node = this.#selection(node, token);
      else if (token.text === '[') node = this.#index(node, token);
      else node = this.#struct(node, token);
    }
    this.#depth -= steps;
    return node;
  }

  #selection(operand: Node, dot: Token): Node {
    const optional = this.#accept('?') !== undefined;
    const name = this.#peek();
    if (name.kind !== 'name' && name.kind !== 'quoted-name') throw this.#unexpected(['IDENTIFIER']);
    if (name.kind === 'name' && (Object.hasOwn(WORDS, name.text) || name.text === 'in'))
      throw this.#unexpected(['IDENTIFIER']);
    this.#next++;
    const field = name.text;
    const open = optional || name.kind === 'quoted-name' ? undefined : this.#accept('(');
    if (open === undefined)
      return this.#made({ op: 'select', at: dot.at, operand, field, optional, test: false });
    const args = this.#arguments();
    return this.#made(expandMacro({ op: 'call', at: open.at, name: field, receiver: operand, args }));
  }

  #index(operand: Node, open: Token): Node {
    const optional = this.#accept('?') !== undefined;
    const index = this.expression();
    this.#expect(']');
    return this.#made({ op: 'index', at: open.at, operand, index, optional });
  }

  #struct(of: Node, open: Token): Node {
    const name = qualifiedName(of);
    if (name === undefined)
      throw new SourceFault(open.at, "Syntax error: mismatched input '{' expecting <EOF>");
    const fields: StructField[] = [];
    while (this.#accept('}') === undefined) {
      const optional = this.#accept('?') !== undefined;
      const field = this.#peek();
      if (field.kind !== 'name' && field.kind !== 'quoted-name') throw this.#unexpected(['IDENTIFIER']);
      this.#next++;
      this.#expect(':');
      fields.push({ name: field.text, value: this.expression(), optional });
      if (this.#accept(',') === undefined) {
        this.#expect('}');
        break;
      }
    }
    return { op: 'struct', at: open.at, name, fields };
  }

  #primary(): Node {
    const token = this.#peek();
    if (token.kind === 'literal') {
      this.#next++;
      return this.#made({ op: 'literal', at: token.at, ...(token.literal ?? integerLiteral(token, false)) });
    }
    if (token.kind === 'name') return this.#named(token);
    if (this.#accept('.') !== undefined) {
      const name = this.#peek();
      if (name.kind !== 'name') throw this.#unexpected(['IDENTIFIER']);
      return this.#named(name);
    }
    if (this.#accept('(') !== undefined) {
      const inner = this.expression();
      this.#expect(')');
      return inner;
    }
    if (this.#accept('[') !== undefined) return this.#list(token);
    if (this.#accept('{') !== undefined) return this.#map(token);
    throw this.#unexpected(["'['", "'{'", "'('", "'.'", "'-'", "'!'", 'IDENTIFIER']);
  }

  #named(token: Token): Node {
    const { text, at } = token;
    if (text === 'in') throw this.#unexpected(['IDENTIFIER']);
    this.#next++;
    const word = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
    if (word !== undefined) return this.#made({ op: 'literal', at, ...word });
    if (RESERVED.has(text)) throw new SourceFault(at, `reserved identifier: ${text}`);
    const open = this.#accept('(');
    if (open === undefined) return this.#made({ op: 'ident', at, name: text });
    return this.#made(expandMacro({ op: 'call', at: open.at, name: text, args: this.#arguments() }));
  }

  #arguments(): Node[] {
    const args: Node[] = [];
    if (this.#accept(')') !== undefined) return args;
    do args.push(this.expression());
    while (this.#accept(',') !== undefined);
    this.#expect(')');
    return args;
  }

  #list(open: Token): Node {
    const items: ListItem[] = [];
    while (this.#accept(']') === undefined) {
      const optional = this.#accept('?') !== undefined;
      items.push({ value: this.expression(), optional });
      if (this.#accept(',') === undefined) {
        this.#expect(']');
        break;
      }
    }
    return this.#made({ op: 'list', at: open.at, items });
  }

  #map(open: Token): Node {
    const entries: MapEntry[] = [];
    while (this.#accept('}') === undefined) {
      const optional = this.#accept('?') !== undefined;
      const key = this.expression();
      this.#expect(':');
      entries.push({ key, value: this.expression(), optional });
      if (this.#accept(',') === undefined) {
        this.#expect('}');
        break;
      }
    }
    return this.#made({ op: 'map', at: open.at, entries });
  }

  #made(node: Node): Node {
    this.#nodes++;
    if (this.#nodes > LIMITS.celNodes)
      throw new SourceFault(node.at, `expression has more than ${LIMITS.celNodes} parts`);
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', at: 0, text: '<EOF>' };
  }

  #accept(text: string): Token | undefined {
    const token = this.#peek();
    if (token.kind !== 'punctuation' || token.text !== text) return undefined;
    this.#next++;
    return token;
  }

  #expect(text: string): void {
    if (this.#accept(text) === undefined) throw this.#unexpected([`'${text}'`]);
  }

  #unexpected(expected: readonly string[]): SourceFault {
    const { at, text } = this.#peek();
    const shown = text === '<EOF>' ? text : text.slice(0, 40);
    const wanted = expected.length === 1 ? expected[0] : `{${expected.join(', ')}}`;
    return new SourceFault(at, `Syntax error: mismatched input '${shown}' expecting ${wanted}`);
  }
}

/** `Object.spec` of a chain of names; undefined for anything else. */
export function qualifiedName(node: Node): string | undefined {
  if (node.op === 'ident') return node.name;
  if (node.op !== 'select' || node.optional || node.test) return undefined;
  const before = qualifiedName(node.operand);
  return before === undefined ? undefined : `${before}.${node.field}`;
}
