import { fault } from '../faults.ts';
import { formatText } from '../format-text.ts';
import type { Meter } from '../meter.ts';
import type { Int } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import { walk, walkAndMake } from './cost.ts';

/** https://pkg.go.dev/github.com/google/cel-go/ext#Strings; positions count code points. */
export function strings(): Overload[] {
  const walked = { cost: walk, size: (size: number) => size };
  const made = { cost: walkAndMake, size: (size: number) => size };
  return [
    overload('(string).charAt(int): string', charAt, { cost: walk, size: () => 1 }),
    overload('(string).indexOf(string): int', (a: string, b: string) => indexOf(a, b, 0), { cost: walk }),
    overload('(string).indexOf(string, int): int', indexOf, { cost: walk }),
    overload('(string).lastIndexOf(string): int', (a: string, b: string) => lastIndexOf(a, b, undefined), {
      cost: walk,
    }),
    overload('(string).lastIndexOf(string, int): int', lastIndexOf, { cost: walk }),
    overload('(list<string>).join(): string', (list: unknown[], meter: Meter) => join(list, '', meter)),
    overload('(list<string>).join(string): string', join),
    overload('(string).lowerAscii(): string', lowerAscii, walked),
    overload('(string).upperAscii(): string', upperAscii, walked),
    overload('(string).replace(string, string): string', (a: string, b: string, c: string, meter: Meter) =>
      replace(a, b, c, { limit: -1, meter }),
    ),
    overload(
      '(string).replace(string, string, int): string',
      (a: string, b: string, c: string, n: Int, meter: Meter) =>
        replace(a, b, c, { limit: Number(n), meter }),
    ),
    overload(
      '(string).split(string): list<string>',
      (a: string, b: string, meter: Meter) => split(a, b, -1, meter),
      made,
    ),
    overload('(string).split(string, int): list<string>', split, made),
    overload(
      '(string).substring(int): string',
      (a: string, start: Int) => substring(a, start, undefined),
      walked,
    ),
    overload('(string).substring(int, int): string', substring, walked),
    overload('(string).trim(): string', (text: string) => trim(text), walked),
    overload('(string).reverse(): string', (text: string) => [...text].reverse().join(''), walked),
    overload('strings.quote(string): string', quote, { cost: walkAndMake, size: (size) => size * 2 + 2 }),
    overload('(string).format(list): string', formatText, { cost: walk }),
  ];
}

/** Where positions are JavaScript's own, which is almost always, the text itself; else its characters. */
function points(text: string): string | readonly string[] {
  return /[\ud800-\udfff]/.test(text) ? [...text] : text;
}

function slice(text: string | readonly string[], start: number, end: number): string {
  return typeof text === 'string' ? text.slice(start, end) : text.slice(start, end).join('');
}

function position(at: Int, length: number): number {
  const value = Number(at);
  if (value < 0 || value > length) throw fault(`index out of range: ${at}`);
  return value;
}

function charAt(text: string, at: Int): string {
  const characters = points(text);
  const start = position(at, characters.length);
  return slice(characters, start, start + 1);
}

function substring(text: string, start: Int, end: Int | undefined): string {
  const characters = points(text);
  const to =
    typeof end === 'number' || typeof end === 'bigint' ? position(end, characters.length) : characters.length;
  const from = position(start, characters.length);
  if (from > to) throw fault(`invalid substring range. start: ${from}, end: ${to}`);
  return slice(characters, from, to);
}

function indexOf(text: string, part: string, offset: Int): number {
  if (part === '') return Number(offset);
  const characters = points(text);
  const from = Number(offset);
  if (from < 0 || from > characters.length) throw fault(`index out of range: ${offset}`);
  if (typeof characters === 'string') return characters.indexOf(part, from);
  const start = slice(characters, 0, from).length;
  const found = text.indexOf(part, start);
  return found < 0 ? -1 : [...text.slice(0, found)].length;
}

function lastIndexOf(text: string, part: string, offset: Int | undefined): number {
  const characters = points(text);
  const given = typeof offset === 'number' || typeof offset === 'bigint';
  if (given && (offset < 0 || offset >= characters.length)) throw fault(`index out of range: ${offset}`);
  const last = given ? Number(offset) : characters.length;
  if (part === '') return last;
  if (typeof characters === 'string') return characters.lastIndexOf(part, last);
  const found = text.lastIndexOf(part, slice(characters, 0, last).length);
  return found < 0 ? -1 : [...text.slice(0, found)].length;
}

function join(list: readonly unknown[], separator: string, meter: Meter): string {
  let size = 0;
  for (const item of list) {
    if (typeof item !== 'string') throw fault('no such overload');
    size += item.length + separator.length;
  }
  meter.spend(1 + list.length * 0.1 + walkAndMake(size));
  return list.join(separator);
}

function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

function upperAscii(text: string): string {
  return text.replaceAll(/[a-z]+/g, (lower) => lower.toUpperCase());
}

/** The result may be much longer than both; it is counted before it is made. */
function replace(
  text: string,
  from: string,
  to: string,
  { limit, meter }: { readonly limit: number; readonly meter: Meter },
): string {
  if (limit === 0) return text;
  meter.spend(walkAndMake(text.length));
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  const count = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1);
  meter.spend(walk(count * to.length) + parts.length);
  const head = parts.slice(0, count + 1).join(to);
  const tail = parts.slice(count + 1);
  return tail.length === 0 ? head : head + from + tail.join(from);
}

function split(text: string, by: string, limit: Int, meter: Meter): string[] {
  const most = Number(limit);
  if (most === 0) return [];
  if (most === 1) return [text];
  const parts = by === '' ? [...text] : text.split(by);
  meter.spend(parts.length);
  if (most < 0 || parts.length <= most) return parts;
  return [...parts.slice(0, most - 1), parts.slice(most - 1).join(by)];
}

/** Of Unicode's white space, as Go has it: JavaScript's also takes the byte order mark away. */
function trim(text: string): string {
  return text
    .replace(/^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/, '')
    .replace(
      /(?<![\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/,
      '',
    );
}

const QUOTED: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

export function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is to be escaped.
  return `"${text.replaceAll(/[\x07\b\f\n\r\t\v\\"]/g, (sign) => QUOTED[sign] ?? sign)}"`;
}
