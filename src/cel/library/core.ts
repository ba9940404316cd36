import { fault } from '../faults.ts';
import type { Meter } from '../meter.ts';
import { type Overload, overload } from '../signature.ts';
import { SECOND_NANOS } from '../time.ts';
import { type CelMap, type Duration, mapSize, type Timestamp } from '../values.ts';
import { walk } from './cost.ts';

/** `size`, the string tests, and the parts of times: what every CEL has. */
export function core(): Overload[] {
  return [...sizes(), ...tests(), ...timeParts(), ...durationParts()];
}

function sizes(): Overload[] {
  const kinds: readonly (readonly [string, (value: never, meter: Meter) => number])[] = [
    ['string', (text: string, meter: Meter) => characters(text, meter)],
    ['bytes', (bytes: Uint8Array) => bytes.length],
    ['list<T>', (list: readonly unknown[]) => list.length],
    ['map<K, V>', (map: CelMap | Record<string, unknown>) => mapSize(map)],
  ];
  return kinds.flatMap(([type, call]) => [
    overload(`size(${type}): int`, call),
    overload(`(${type}).size(): int`, call),
  ]);
}

/** Code points, which are fewer than JavaScript's units where there are surrogates. */
function characters(text: string, meter: Meter): number {
  if (text.length < 1000 && !/[\ud800-\udfff]/.test(text)) return text.length;
  meter.spend(walk(text.length));
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function tests(): Overload[] {
  return [
    overload('(string).contains(string): bool', (a: string, b: string) => a.includes(b), {
      cost: (a, b = 0) => Math.ceil(a * 0.1) * Math.ceil(b * 0.1),
    }),
    overload('(string).startsWith(string): bool', (a: string, b: string) => a.startsWith(b), {
      cost: (_a, b = 0) => walk(b),
    }),
    overload('(string).endsWith(string): bool', (a: string, b: string) => a.endsWith(b), {
      cost: (_a, b = 0) => walk(b),
    }),
  ];
}

type Parts = Readonly<Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>> & {
  /** From Sunday. */
  readonly weekday: number;
  readonly yearDay: number;
};

const TIME_PARTS: Readonly<Record<string, (parts: Parts) => number>> = {
  getFullYear: ({ year }) => year,
  getMonth: ({ month }) => month - 1,
  getDate: ({ day }) => day,
  getDayOfMonth: ({ day }) => day - 1,
  getDayOfWeek: ({ weekday }) => weekday,
  getDayOfYear: ({ yearDay }) => yearDay,
  getHours: ({ hour }) => hour,
  getMinutes: ({ minute }) => minute,
  getSeconds: ({ second }) => second,
};

function timeParts(): Overload[] {
  const parts = Object.entries(TIME_PARTS).flatMap(([name, part]) => [
    overload(`(timestamp).${name}(): int`, (time: Timestamp) => part(partsOf(time, 0n))),
    overload(
      `(timestamp).${name}(string): int`,
      (time: Timestamp, zone: string) => part(partsOf(time, zoneOffset(time, zone))),
      { cost: () => 5000 }, // Intl looks the zone up anew.
    ),
  ]);
  const millis = ({ nanos }: Timestamp) => Number(modulo(nanos, SECOND_NANOS) / 1_000_000n);
  return [
    ...parts,
    overload('(timestamp).getMilliseconds(): int', millis),
    overload('(timestamp).getMilliseconds(string): int', millis),
  ];
}

function durationParts(): Overload[] {
  const units = { getHours: 3600n * SECOND_NANOS, getMinutes: 60n * SECOND_NANOS, getSeconds: SECOND_NANOS };
  return [
    ...Object.entries(units).map(([name, unit]) =>
      overload(`(duration).${name}(): int`, ({ nanos }: Duration) => Number(nanos / unit)),
    ),
    // The whole of it, as cel-go has it, and not what is left over seconds.
    overload('(duration).getMilliseconds(): int', ({ nanos }: Duration) => Number(nanos / 1_000_000n)),
  ];
}

function modulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}

function partsOf({ nanos }: Timestamp, offset: bigint): Parts {
  const local = nanos + offset;
  const date = new Date(Number((local - modulo(local, SECOND_NANOS)) / 1_000_000n));
  const year = date.getUTCFullYear();
  const newYear = new Date(0);
  newYear.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - newYear.getTime()) / 86_400_000),
  };
}

/** Nanoseconds to add to UTC: `+02:00`, `-7:30`, or a zone by name. */
function zoneOffset(time: Timestamp, zone: string): bigint {
  const fixed = /^([+-]?)(\d{1,2}):(\d\d)$/.exec(zone);
  if (fixed !== null) {
    const minutes = BigInt(fixed[2] ?? '0') * 60n + BigInt(fixed[3] ?? '0');
    return (fixed[1] === '-' ? -minutes : minutes) * 60n * SECOND_NANOS;
  }
  if (zone === 'UTC' || zone === '') return 0n;
  const at = new Date(Number(time.nanos / 1_000_000n));
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
    return zoneOffset(time, name === 'GMT' ? 'UTC' : name.slice(3, 9));
  } catch {
    throw fault(`unknown time zone ${zone.slice(0, 64)}`);
  }
}
