import { AmphoraError } from '../lib/errors.ts';

/**
 * An amount of a resource, exact to a billionth and at most 2^63-1, as
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ has it.
 */
export interface Quantity {
  readonly nanos: bigint;
  /** The family of suffixes it was written with, and will be written with. */
  readonly format: 'decimal' | 'binary' | 'exponent';
}

const NANO = 1_000_000_000n;
const MAX_NANOS = (2n ** 63n - 1n) * NANO;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'] as const;
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;
/** Beyond this many powers of ten a value is 0 or the largest, whatever its digits. */
const MOST_DIGITS = 64;

const FORM_MESSAGE =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_MESSAGE = "unable to parse quantity's suffix";

/** @throws BadRequest in upstream's words. */
export function parseQuantity(text: string | number): Quantity {
  const parsed = tryParseQuantity(String(text));
  if (typeof parsed === 'string') throw new AmphoraError('BadRequest', `"${text}": ${parsed}`);
  return parsed;
}

/** The quantity, or what is wrong with the text. */
export function tryParseQuantity(text: string): Quantity | string {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([A-Za-z]*[-+]?\d*)$/.exec(text);
  if (match === null) return FORM_MESSAGE;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return FORM_MESSAGE;
  if (whole.length + fraction.length > MOST_DIGITS) return 'numeric part of the quantity is too long';
  const scale = scaleOf(suffix);
  if (scale === undefined) return SUFFIX_MESSAGE;
  const digits = BigInt(whole + fraction);
  const nanos = scaled(digits * scale.factor, scale.exponent + 9 - fraction.length);
  const bounded = nanos > MAX_NANOS ? MAX_NANOS : nanos;
  return { nanos: sign === '-' ? -bounded : bounded, format: scale.format };
}

interface Scale {
  readonly factor: bigint;
  readonly exponent: number;
  readonly format: Quantity['format'];
}

function scaleOf(suffix: string): Scale | undefined {
  // The list of suffixes is a closed set of words; any other text is simply not found.
  const decimal = (DECIMAL as readonly string[]).indexOf(suffix);
  if (decimal >= 0) return { factor: 1n, exponent: (decimal - 3) * 3, format: 'decimal' };
  const binary = (BINARY as readonly string[]).indexOf(suffix);
  if (binary > 0) return { factor: 1024n ** BigInt(binary), exponent: 0, format: 'binary' };
  const match = /^[eE]([+-]?\d+)$/.exec(suffix);
  if (match === null) return undefined;
  return { factor: 1n, exponent: Number(match[1]), format: 'exponent' };
}

/** `digits × 10^exponent`, away from zero where it is not whole: upstream rounds up what is finer than a billionth. */
function scaled(digits: bigint, exponent: number): bigint {
  if (digits === 0n) return 0n;
  if (exponent > MOST_DIGITS) return MAX_NANOS;
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  if (exponent < -2 * MOST_DIGITS) return 1n;
  return ceilDivide(digits, 10n ** BigInt(-exponent));
}

/** The canonical form: no fraction, the largest suffix that keeps it whole. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const small = nanos > -1024n * NANO && nanos < 1024n * NANO;
  if (format === 'binary' && !small && nanos % NANO === 0n) return reduced(nanos / NANO, 1024n, BINARY);
  if (format !== 'exponent') return reduced(nanos, 1000n, DECIMAL);
  return reduced(nanos, 1000n, EXPONENTS);
}

const EXPONENTS = DECIMAL.map((_, step) => (step === 3 ? '' : `e${(step - 3) * 3}`));

function reduced(value: bigint, base: bigint, suffixes: readonly string[]): string {
  let step = 0;
  let rest = value;
  for (; rest % base === 0n && step < suffixes.length - 1; step++) rest /= base;
  return `${rest}${suffixes[step]}`;
}

/** `1000m` → `1`, `0.5` → `500m`, `1.5Gi` → `1536Mi`. @throws BadRequest */
export function canonicalQuantity(text: string | number): string {
  return formatQuantity(parseQuantity(text));
}

/** Negative, zero or positive, as `Array.sort` wants it. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

/** The sum, in the first one's format. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** Whole units (bytes of memory, say), rounded up. @throws BadRequest */
export function toBytes(text: string | number): number {
  return Number(ceilDivide(parseQuantity(text).nanos, NANO));
}

/** Thousandths (millicores), rounded up. @throws BadRequest */
export function toMillis(text: string | number): number {
  return Number(ceilDivide(parseQuantity(text).nanos, NANO / 1000n));
}

/** Away from zero. */
function ceilDivide(value: bigint, by: bigint): bigint {
  const whole = value / by;
  if (value % by === 0n) return whole;
  return value < 0n ? whole - 1n : whole + 1n;
}

/** Whether two texts mean the same amount; false where one of them is no quantity. */
export function sameQuantity(a: unknown, b: unknown): boolean {
  const [left, right] = [a, b].map((each) =>
    typeof each === 'string' || typeof each === 'number' ? tryParseQuantity(String(each).trim()) : '',
  );
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  return compareQuantities(left, right) === 0;
}
