import { fault } from './faults.ts';
import type { Meter } from './meter.ts';
import type { Int } from './numbers.ts';
import { durationText, timestampText } from './time.ts';
import {
  CelMap,
  Double,
  Duration,
  isPlainObject,
  mapGet,
  mapKeys,
  Opaque,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
} from './values.ts';

/** `'%s has %d'.format([name, count])`, https://pkg.go.dev/github.com/google/cel-go/ext#Strings. @throws CelFault */
export function formatText(pattern: string, args: readonly unknown[], meter: Meter): string {
  let next = 0;
  const text = pattern.replaceAll(
    /%(?:\.(\d+))?(.?)/gs,
    (_all, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (verb === '') throw fault('unexpected end of string');
      if (next >= args.length) throw fault(`index ${next} out of range`);
      const shown = clause(args[next], { verb, precision, meter });
      next++;
      meter.spend(1 + shown.length * 0.1);
      return shown;
    },
  );
  return text;
}

interface Clause {
  readonly verb: string;
  readonly precision: string | undefined;
  readonly meter: Meter;
}

function clause(value: unknown, { verb, precision, meter }: Clause): string {
  switch (verb) {
    case 's':
      return shown(value, meter);
    case 'd':
      return nonFinite(value) ?? String(integer(value, 'd'));
    case 'f':
      return nonFinite(value) ?? fixed(double(value, 'f'), digitsOf(precision));
    case 'e':
      return nonFinite(value) ?? exponential(double(value, 'e'), digitsOf(precision));
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : integer(value, 'b').toString(2);
    case 'o':
      return integer(value, 'o').toString(8);
    case 'x':
      return hexadecimal(value);
    case 'X':
      return hexadecimal(value).toUpperCase();
    default:
      throw fault(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

/** Without an exponent, a comma-separated list, keys in order. */
function shown(value: unknown, meter: Meter): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Double) return shownDouble(value.value);
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Opaque) return String(value);
  if (Array.isArray(value)) {
    meter.spend(value.length * 2);
    const text = `[${value.map((item) => shown(item, meter)).join(', ')}]`;
    meter.spend(text.length * 0.1);
    return text;
  }
  if (!(value instanceof CelMap) && !isPlainObject(value))
    throw wrong(
      's',
      value,
      'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
    );
  const keys = mapKeys(value);
  meter.spend(keys.length * 2);
  const members = keys.map((key) => `${shown(key, meter)}: ${shown(mapGet(value, key), meter)}`);
  return `{${members.sort().join(', ')}}`;
}

function digitsOf(precision: string | undefined): number {
  return Math.min(Number(precision ?? 6), MOST_DIGITS);
}

const MOST_DIGITS = 40;

/** `NaN`, `Infinity`; undefined for any other value. */
function nonFinite(value: unknown): string | undefined {
  return value instanceof Double && !Number.isFinite(value.value) ? shownDouble(value.value) : undefined;
}

/** What lies in the middle goes to the even digit, as Go rounds; JavaScript goes up. */
function fixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  const exact = value.toFixed(Math.min(100, digits + 60));
  const point = exact.indexOf('.') + 1;
  const isTie = /^50*$/.test(exact.slice(point + digits));
  if (!isTie || Number(rounded.at(-1)) % 2 === 0) return rounded;
  return exact.slice(0, digits === 0 ? point - 1 : point + digits);
}

function shownDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return String(value);
}

function integer(value: unknown, verb: string): Int {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (value instanceof Uint) return value.value;
  throw wrong(verb, value, 'only integers can be formatted as integers');
}

function double(value: unknown, verb: string): number {
  if (value instanceof Double) return value.value;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw wrong(verb, value, 'only doubles can be formatted so');
}

/** cel-go's formatter for text writes a power of ten so, in the version that Kubernetes has. */
const SUPERSCRIPTS = [...'⁰¹²³⁴⁵⁶⁷⁸⁹'];

function exponential(value: number, digits: number): string {
  const [mantissa, exponent = '0'] = value.toExponential(digits).split('e');
  const power = Math.abs(Number(exponent));
  const raised = String(power)
    .padStart(2, '0')
    .replaceAll(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)] ?? digit);
  return `${mantissa}×10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function hexadecimal(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return integer(value, 'x').toString(16);
}

function wrong(verb: string, value: unknown, why: string): unknown {
  return fault(`error during formatting: %${verb} of ${typeNameOf(value)}: ${why}`);
}
