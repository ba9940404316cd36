import { AmphoraError } from '../../lib/errors.ts';
import { LIMITS } from '../../lib/limits.ts';

export interface Decoded {
  readonly value: unknown;
  /** Paths of keys that stand twice in one object; the last one counts. Bounded. */
  readonly duplicates: readonly string[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MAX_DUPLICATES = 16;

/** Strict RFC 8259, but with a depth limit and with duplicate keys found. @throws BadRequest */
export function decodeJson(bytes: Buffer): Decoded {
  const text = bytes.toString('utf8');
  const { duplicates, hasProto } = scan(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AmphoraError('BadRequest', `the body is not valid JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (hasProto) dropProto(value);
  return { value, duplicates };
}

interface Level {
  readonly path: string;
  /** Undefined in an array. */
  readonly keys: Set<string> | undefined;
  index: number;
  key: string;
  expectsKey: boolean;
}

/** One pass over the bytes; what is not JSON is left for the parser to refuse. */
function scan(bytes: Buffer): { duplicates: string[]; hasProto: boolean } {
  const stack: Level[] = [];
  const duplicates: string[] = [];
  let hasProto = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    const top = stack.at(-1);
    if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      if (top?.keys !== undefined && top.expectsKey) {
        top.key = keyText(bytes, at, end);
        top.expectsKey = false;
        hasProto ||= top.key === '__proto__';
        if (top.keys.has(top.key) && duplicates.length < MAX_DUPLICATES) duplicates.push(pathOf(top));
        top.keys.add(top.key);
      }
      at = end;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (stack.length >= LIMITS.nesting)
        throw new AmphoraError('BadRequest', `the body is nested deeper than ${LIMITS.nesting} levels`);
      const path = top === undefined ? '' : pathOf(top);
      const isObject = byte === 0x7b;
      stack.push({ path, keys: isObject ? new Set() : undefined, index: 0, key: '', expectsKey: isObject });
    } else if (byte === 0x7d || byte === 0x5d) {
      stack.pop();
    } else if (byte === 0x2c && top !== undefined) {
      top.index += 1;
      top.expectsKey = top.keys !== undefined;
    }
  }
  return { duplicates, hasProto };
}

function stringEnd(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at += 1;
    else if (bytes[at] === QUOTE) return at;
  }
  return bytes.length;
}

function keyText(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start + 1, end);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    return raw; // The parser will refuse it.
  }
}

function pathOf(level: Level): string {
  if (level.keys === undefined) return `${level.path}[${level.index}]`;
  return level.path === '' ? level.key : `${level.path}.${level.key}`;
}

/** No API has such a field, and code that copies key by key would set a prototype. Depth is bounded by the scan. */
export function dropProto(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) Reflect.deleteProperty(value, '__proto__');
  for (const child of Object.values(value)) dropProto(child);
}
