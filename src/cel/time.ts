import { fault } from './faults.ts';
import { Duration, Timestamp } from './values.ts';

export const SECOND_NANOS = 1_000_000_000n;
const MILLI_NANOS = 1_000_000n;
/** 0001-01-01T00:00:00Z and the last nanosecond of the year 9999. */
const FIRST = -62_135_596_800n * SECOND_NANOS;
const LAST = 253_402_300_800n * SECOND_NANOS - 1n;
const LONGEST = 2n ** 63n - 1n;

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339, or a date alone (the `date` format of a schema). @throws CelFault */
export function parseTimestamp(text: string): Timestamp {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  const match = RFC3339.exec(whole);
  if (match === null) throw badTime(text);
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match;
  const base = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  const local = Date.parse(base);
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(base.slice(0, -1)))
    throw badTime(text);
  const nanos = BigInt(local) * MILLI_NANOS + BigInt(fraction.padEnd(9, '0'));
  return timestamp(nanos - offsetNanos(zone), /00:00$/.test(zone) ? 'Z' : zone);
}

function badTime(text: string): unknown {
  return fault(`invalid timestamp ${JSON.stringify(text.slice(0, 64))}: want RFC 3339`);
}

/** `+02:00` in nanoseconds. */
function offsetNanos(zone: string): bigint {
  if (zone === 'Z') return 0n;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return BigInt(zone.startsWith('-') ? -minutes : minutes) * 60n * SECOND_NANOS;
}

/** @throws CelFault outside the years 1 to 9999 */
export function timestamp(nanos: bigint, zone = 'Z'): Timestamp {
  if (nanos < FIRST || nanos > LAST) throw fault('timestamp overflow');
  return new Timestamp(nanos, zone);
}

export function timestampText({ nanos: utc, zone }: Timestamp): string {
  const nanos = utc + offsetNanos(zone);
  const fraction = ((nanos % SECOND_NANOS) + SECOND_NANOS) % SECOND_NANOS;
  const seconds = (nanos - fraction) / SECOND_NANOS;
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
  return `${base}${digits}${zone}`;
}

const UNITS: Readonly<Record<string, bigint>> = {
  h: 3600n * SECOND_NANOS,
  m: 60n * SECOND_NANOS,
  s: SECOND_NANOS,
  ms: MILLI_NANOS,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ns: 1n,
};

/** Go's form: `1h30m`, `1.5s`, `-20ms`, `0`. @throws CelFault */
export function parseDuration(text: string): Duration {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+|0)$/.exec(text.slice(0, 256));
  if (match === null) throw fault(`time: invalid duration ${JSON.stringify(text.slice(0, 64))}`);
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(
    /(\d*)\.?(\d*)(h|ms|m|s|us|µs|μs|ns)/g,
  )) {
    const scale = UNITS[unit] ?? 0n;
    const digits = fraction.slice(0, 18);
    nanos += BigInt(whole === '' ? '0' : whole) * scale;
    nanos += (BigInt(digits === '' ? '0' : digits) * scale) / 10n ** BigInt(digits.length);
  }
  return duration(match[1] === '-' ? -nanos : nanos);
}

/** @throws CelFault beyond 64 bits of nanoseconds */
export function duration(nanos: bigint): Duration {
  if (nanos > LONGEST || nanos < -LONGEST - 1n) throw fault('duration overflow');
  return new Duration(nanos);
}

/** In seconds, as protobuf's JSON has it: `5400s`, `0.5s`. */
export function durationText({ nanos }: Duration): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  const fraction = magnitude % SECOND_NANOS;
  const digits = fraction === 0n ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
  return `${nanos < 0n ? '-' : ''}${magnitude / SECOND_NANOS}${digits}s`;
}
