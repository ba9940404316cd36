import { type CelType, listOf, mapOf, opaque, TYPES } from './types.ts';

/** One overload of a function. */
export interface Overload {
  /** `size`; `.size` for a method; `ip.isCanonical` for one in a namespace. */
  readonly name: string;
  /** The receiver first, for a method. */
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** Takes the arguments, and then the meter. */
  readonly call: (...args: never[]) => unknown;
  /** From the arguments' sizes; 1 where left out. Also the static estimate, from the largest sizes. */
  readonly cost?: (...sizes: number[]) => number;
  /** The largest size of the result, from the largest sizes of the arguments. */
  readonly size?: (...sizes: number[]) => number;
  /** What is wrong with the arguments as far as they are written out; undefined for one that is not. */
  readonly check?: (...literals: unknown[]) => string | undefined;
}

type OverloadOptions = Pick<Overload, 'cost' | 'size' | 'check'>;

/**
 * An overload from its signature: `size(list<T>): int`, `(string).charAt(int): string`. A capital letter alone is a
 * type parameter; a name with a dot, or none of CEL's own, is an opaque type.
 * @throws SyntaxError for a signature that is none: a mistake of ours
 */
export function overload(
  signature: string,
  call: (...args: never[]) => unknown,
  options: OverloadOptions = {},
): Overload {
  const match = /^(?:\((.+?)\)\.)?([\w.@!?:[\]+\-*/%<>=-]+)\((.*)\): (.+)$/.exec(signature);
  if (match === null) throw new SyntaxError(`no signature: ${signature}`);
  const [, receiver, name = '', params = '', result = ''] = match;
  const types = splitTypes(params).map(parseType);
  return {
    name: receiver === undefined ? name : `.${name}`,
    params: receiver === undefined ? types : [parseType(receiver), ...types],
    result: parseType(result),
    call,
    ...options,
  };
}

function parseType(text: string): CelType {
  const open = text.indexOf('<');
  if (open === -1) return simpleType(text);
  const of = splitTypes(text.slice(open + 1, -1)).map(parseType);
  const [first = TYPES.dyn, second = TYPES.dyn] = of;
  const name = text.slice(0, open);
  if (name === 'list') return listOf(first);
  return name === 'map' ? mapOf(first, second) : opaque(name, of);
}

function simpleType(text: string): CelType {
  if (Object.hasOwn(TYPES, text)) return TYPES[text as keyof typeof TYPES]; // Just found among its keys.
  if (text === 'list') return listOf(TYPES.dyn);
  if (text === 'map') return mapOf(TYPES.dyn, TYPES.dyn);
  return /^[A-Z]$/.test(text) ? { kind: 'parameter', name: text } : opaque(text);
}

/** At the commas that stand in no brackets. */
function splitTypes(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '<') depth++;
    if (text[i] === '>') depth--;
    if (text[i] !== ',' || depth > 0) continue;
    parts.push(text.slice(start, i).trim());
    start = i + 1;
  }
  const last = text.slice(start).trim();
  return last === '' ? parts : [...parts, last];
}
