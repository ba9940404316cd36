import { type LiteralType, SourceFault } from './ast.ts';
import { MAX_INT, MAX_UINT, MIN_INT, toInt } from './numbers.ts';
import { unescapeLiteral } from './unescape-literal.ts';
import { Double, Uint } from './values.ts';

export interface Token {
  readonly kind: 'literal' | 'name' | 'quoted-name' | 'punctuation' | 'end';
  readonly at: number;
  /** As written; a name without its backticks. */
  readonly text: string;
  readonly literal?: { readonly value: unknown; readonly type: LiteralType };
}

const BLANK = /(?:\s+|\/\/[^\n]*)+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const QUOTED_NAME = /`[A-Za-z0-9_.\-/ ]+`/y;
const FLOAT = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y;
const INTEGER = /(?:0[xX][0-9a-fA-F]+|\d+)[uU]?/y;
const STRING =
  /([rRbB]{0,2})("""(?:[^"\\]|\\[\s\S]|"(?!""))*"""|'''(?:[^'\\]|\\[\s\S]|'(?!''))*'''|"(?:[^"\\\r\n]|\\[^\r\n])*"|'(?:[^'\\\r\n]|\\[^\r\n])*')/y;
const RAW_STRING = /([bB]?[rR][bB]?)("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\r\n]*"|'[^'\r\n]*')/y;
const PUNCTUATION = /==|!=|<=|>=|&&|\|\||[+\-*/%<>!?:.,()[\]{}]/y;

/** The source as tokens, the last one `end`. @throws SourceFault */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += matchAt(BLANK, source, at)?.[0].length ?? 0;
    if (at >= source.length) return [...tokens, { kind: 'end', at: source.length, text: '<EOF>' }];
    const token = tokenAt(source, at);
    tokens.push(token.token);
    at += token.length;
  }
}

function tokenAt(source: string, at: number): { readonly token: Token; readonly length: number } {
  const string = stringAt(source, at);
  if (string !== undefined) return string;
  const name = matchAt(NAME, source, at);
  if (name !== null) return made(at, 'name', name[0]);
  const float = matchAt(FLOAT, source, at);
  if (float !== null) {
    const value = new Double(Number(float[0]));
    return {
      token: { kind: 'literal', at, text: float[0], literal: { value, type: 'double' } },
      length: float[0].length,
    };
  }
  const integer = matchAt(INTEGER, source, at);
  if (integer !== null) return made(at, 'literal', integer[0]);
  const quoted = matchAt(QUOTED_NAME, source, at);
  if (quoted !== null)
    return { token: { kind: 'quoted-name', at, text: quoted[0].slice(1, -1) }, length: quoted[0].length };
  const punctuation = matchAt(PUNCTUATION, source, at);
  if (punctuation !== null) return made(at, 'punctuation', punctuation[0]);
  const [character = ''] = source.slice(at, at + 2);
  throw new SourceFault(at, `Syntax error: token recognition error at: '${character}'`);
}

function made(
  at: number,
  kind: Token['kind'],
  text: string,
): { readonly token: Token; readonly length: number } {
  return { token: { kind, at, text }, length: text.length };
}

function stringAt(
  source: string,
  at: number,
): { readonly token: Token; readonly length: number } | undefined {
  const raw = matchAt(RAW_STRING, source, at);
  const match = raw ?? matchAt(STRING, source, at);
  if (match === null) return undefined;
  const [text = '', prefix = '', quoted = ''] = match;
  const quotes = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  const body = quoted.slice(quotes, -quotes);
  const bytes = /b/i.test(prefix);
  const plain = raw === null ? unescapeLiteral(body, { at, bytes }) : body;
  const literal = bytes
    ? ({ value: typeof plain === 'string' ? Buffer.from(plain) : plain, type: 'bytes' } as const)
    : ({ value: plain, type: 'string' } as const);
  return { token: { kind: 'literal', at, text, literal }, length: text.length };
}

/**
 * The value of an integer as it is written, `-` in front where `negative`.
 * @throws SourceFault when it does not fit 64 bits
 */
export function integerLiteral(token: Token, negative: boolean): { value: unknown; type: 'int' | 'uint' } {
  const unsigned = /u$/i.test(token.text);
  const magnitude = BigInt(unsigned ? token.text.slice(0, -1) : token.text);
  if (unsigned) {
    if (magnitude > MAX_UINT || negative) throw new SourceFault(token.at, 'invalid uint literal');
    return { value: new Uint(magnitude), type: 'uint' };
  }
  const value = negative ? -magnitude : magnitude;
  if (value > MAX_INT || value < MIN_INT) throw new SourceFault(token.at, 'invalid int literal');
  return { value: toInt(value), type: 'int' };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}
