interface CronField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly words?: Readonly<Record<string, number>>;
}

const MONTHS = words(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'], 1);
const DAYS = words(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'], 0);

const FIELDS: readonly CronField[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, words: MONTHS },
  { name: 'day of week', from: 0, to: 6, words: DAYS },
];

const NAMED: ReadonlySet<string> = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
]);

/** What is wrong with a schedule of five fields, a named one, or `@every 1h30m`; undefined when nothing is. */
export function scheduleFault(schedule: string): string | undefined {
  if (schedule.startsWith('@')) return namedFault(schedule);
  const fields = schedule.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length)
    return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [index, field] of FIELDS.entries()) {
    for (const part of (fields[index] ?? '').split(',')) {
      const fault = partFault(part, field);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function namedFault(schedule: string): string | undefined {
  if (NAMED.has(schedule)) return undefined;
  if (!schedule.startsWith('@every ')) return `unrecognized descriptor: ${schedule}`;
  const duration = schedule.slice('@every '.length);
  const good = /^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$/.test(duration);
  return good
    ? undefined
    : `failed to parse duration ${schedule}: time: invalid duration ${JSON.stringify(duration)}`;
}

/** One of a field's parts: a star, a number or a range, each maybe with a step. */
function partFault(part: string, field: CronField): string | undefined {
  const [range = '', step, ...more] = part.split('/');
  const [low = '', high, ...rest] = range.split('-');
  if (more.length > 0) return `too many slashes: ${part}`;
  if (rest.length > 0) return `too many hyphens: ${part}`;
  const any = low === '*' || low === '?';
  const first = any ? field.from : numberOf(low, field);
  const last = high === undefined ? (any || step !== undefined ? field.to : first) : numberOf(high, field);
  const every = step === undefined ? 1 : numberOf(step, { ...field, words: {} });
  for (const [value, text] of [
    [first, low],
    [last, high ?? ''],
    [every, step ?? ''],
  ] as const)
    if (value === undefined)
      return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  if (first === undefined || last === undefined || every === undefined) return undefined;
  if (first < field.from) return `beginning of range (${first}) below minimum (${field.from}): ${part}`;
  if (last > field.to) return `end of range (${last}) above maximum (${field.to}): ${part}`;
  if (first > last) return `beginning of range (${first}) beyond end of range (${last}): ${part}`;
  return every === 0 ? `step of range should be a positive number: ${part}` : undefined;
}

function numberOf(text: string, { words: known = {} }: Pick<CronField, 'words'>): number | undefined {
  const word = text.toLowerCase();
  if (Object.hasOwn(known, word)) return known[word];
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function words(names: readonly string[], first: number): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map((name, index) => [name, index + first]));
}
