import { fault } from '../faults.ts';
import { doubleText } from '../go-format.ts';
import { type Int, toInt, toUint } from '../numbers.ts';
import { type Overload, overload } from '../signature.ts';
import {
  duration,
  durationText,
  parseDuration,
  parseTimestamp,
  SECOND_NANOS,
  timestamp,
  timestampText,
} from '../time.ts';
import { Double, type Duration, type Timestamp, TypeValue, typeNameOf, type Uint } from '../values.ts';
import { walk } from './cost.ts';

const same = <T>(value: T): T => value;
const walked = { cost: walk, size: same<number> };

/** Between types; each fails for what the other type cannot hold. */
export function conversions(): Overload[] {
  return [
    overload('dyn(T): dyn', same),
    overload('type(T): type', (value: unknown) => new TypeValue(typeNameOf(value))),
    overload('bool(bool): bool', same),
    overload('bool(string): bool', toBool),
    overload('bytes(bytes): bytes', same),
    overload('bytes(string): bytes', (text: string) => Buffer.from(text), walked),
    overload('string(string): string', same, { size: same<number> }),
    overload('string(bool): string', (value: boolean) => String(value), { size: () => 5 }),
    overload('string(int): string', (value: Int) => String(value), { size: () => 20 }),
    overload('string(uint): string', ({ value }: Uint) => String(value), { size: () => 20 }),
    overload('string(double): string', ({ value }: Double) => doubleText(value), { size: () => 24 }),
    overload('string(bytes): string', decodeText, walked),
    overload('string(timestamp): string', timestampText, { size: () => 40 }),
    overload('string(duration): string', durationText, { size: () => 24 }),
    overload('timestamp(timestamp): timestamp', same),
    overload('timestamp(string): timestamp', parseTimestamp, { check: failing(parseTimestamp, 'timestamp') }),
    overload('timestamp(int): timestamp', fromSeconds, { check: failing(fromSeconds, 'timestamp') }),
    overload('duration(duration): duration', same),
    overload('duration(string): duration', parseDuration, { check: failing(parseDuration, 'duration') }),
    overload('duration(int): duration', (nanos: Int) => duration(BigInt(nanos))),
    ...toNumbers(),
  ];
}

/** What is wrong with a literal that the function refuses. */
function failing(parse: (literal: never) => unknown, what: string): (literal: unknown) => string | undefined {
  return (literal) => {
    if (literal === undefined) return undefined;
    try {
      parse(literal as never); // The overload's type was looked at.
      return undefined;
    } catch {
      return `invalid ${what} argument`;
    }
  };
}

function fromSeconds(seconds: Int): Timestamp {
  return timestamp(BigInt(seconds) * SECOND_NANOS);
}

function toNumbers(): Overload[] {
  return [
    overload('int(int): int', same),
    overload('int(uint): int', ({ value }: Uint) => toInt(value)),
    overload('int(double): int', ({ value }: Double) => toInt(truncated(value, 'integer'))),
    overload('int(string): int', (text: string) => toInt(parseInteger(text, 'int'))),
    overload('int(timestamp): int', ({ nanos }: Timestamp) => toInt(floorDivide(nanos, SECOND_NANOS))),
    overload('int(duration): int', ({ nanos }: Duration) => toInt(nanos)),
    overload('uint(uint): uint', same),
    overload('uint(int): uint', (value: Int) => toUint(BigInt(value))),
    overload('uint(double): uint', ({ value }: Double) => toUint(truncated(value, 'unsigned integer'))),
    overload('uint(string): uint', (text: string) => toUint(parseInteger(text, 'uint'))),
    overload('double(double): double', same),
    overload('double(int): double', (value: Int) => new Double(Number(value))),
    overload('double(uint): double', ({ value }: Uint) => new Double(Number(value))),
    overload('double(string): double', parseDouble),
  ];
}

/** Not even the least int, as a double, is taken: who knows what it was before it was rounded. */
const LEAST = -(2 ** 63);

function truncated(value: number, what: string): bigint {
  if (!Number.isFinite(value) || value <= LEAST) throw fault(`${what} overflow`);
  return BigInt(Math.trunc(value));
}

function floorDivide(a: bigint, b: bigint): bigint {
  return a < 0n && a % b !== 0n ? a / b - 1n : a / b;
}

function parseInteger(text: string, type: 'int' | 'uint'): bigint {
  if (!/^[+-]?\d{1,20}$/.test(text) || (type === 'uint' && !/^\d/.test(text))) throw notA(type);
  return BigInt(text.replace('+', ''));
}

function notA(type: string): unknown {
  return fault(`type conversion error from 'string' to '${type}'`);
}

function parseDouble(text: string): Double {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return new Double(text.startsWith('-') ? -Infinity : Infinity);
  if (/^nan$/i.test(text)) return new Double(Number.NaN);
  if (!/^[+-]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,5})?$/.test(text)) throw notA('double');
  return new Double(Number(text));
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'true', 'TRUE', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'false', 'FALSE', 'False']);

function toBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw notA('bool');
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fault('invalid UTF-8 in bytes, cannot convert to string');
  }
}
