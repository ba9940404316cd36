import type { ApiObject } from '../kind.ts';

/** One column of a Table: what kubectl shows of one kind. Made with {@link columns}. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: only with `-o wide`. */
  readonly priority: number;
  /** @param now milliseconds since the epoch, for ages */
  readonly cell: (object: Readonly<ApiObject>, now: number) => unknown;
}

export interface ColumnSpec<T> {
  readonly name: string;
  readonly type?: Column['type'];
  readonly wide?: boolean;
  readonly cell: (object: T, now: number) => unknown;
}

/** The columns of a kind, with its name in front; `T` is its generated type. */
export function columns<T>(...specs: readonly ColumnSpec<T>[]): readonly Column[] {
  const own = specs.map(
    (spec): Column => ({
      name: spec.name,
      type: spec.type ?? 'string',
      format: '',
      description: spec.name,
      priority: spec.wide === true ? 1 : 0,
      // The table of printers pairs a kind with the columns of its type; the schema was checked when it was written.
      cell: (object, now) => spec.cell(object as unknown as T, now),
    }),
  );
  return [NAME, ...own];
}

const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Unique within its namespace',
  priority: 0,
  cell: (object) => object.metadata.name,
};

export const AGE: ColumnSpec<{ metadata?: { creationTimestamp?: string } }> = {
  name: 'Age',
  cell: (object, now) => age(object.metadata?.creationTimestamp, now),
};

/** How long ago, as kubectl says it; `<unknown>` for never. */
export function age(time: string | undefined, now: number): string {
  return time === undefined ? '<unknown>' : humanDuration(Math.max(0, now - Date.parse(time)));
}

/** `45s`, `3m20s`, `17m`, `5h12m`, `3d4h`, `2y15d`: two units while they matter. @param ms milliseconds */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair([minutes, 'm'], [seconds % 60, 's']);
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair([hours, 'h'], [minutes % 60, 'm']);
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return pair([days, 'd'], [hours % 24, 'h']);
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? pair([years, 'y'], [days % 365, 'd']) : `${years}y`;
}

type Part = readonly [amount: number, unit: string];

function pair(large: Part, small: Part): string {
  return small[0] === 0 ? large.join('') : `${large.join('')}${small.join('')}`;
}

/** `a=b,c=d`; `<none>` for nothing. */
export function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {});
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

export function orNone(text: string | undefined): string {
  return text === undefined || text === '' ? '<none>' : text;
}

export function countOf(map: object | undefined): number {
  return Object.keys(map ?? {}).length;
}
