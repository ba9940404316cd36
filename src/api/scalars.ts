import { formatQuantity, tryParseQuantity } from './quantity.ts';
import type { Schema } from './schema.ts';

export interface Mismatch {
  readonly want: string;
  readonly got: string;
  /** A message of its own, where the type is right and the content is not. */
  readonly why?: string;
}

/** A scalar in canonical form, or how it does not fit. */
export function conformScalar(schema: Schema, value: unknown): { readonly value: unknown } | Mismatch {
  switch (schema.type) {
    case 'boolean':
    case 'number':
    case 'string':
      return typeof value === schema.type ? { value } : { want: schema.type, got: kindOfJson(value) };
    case 'integer':
      return isInteger(value, schema.format)
        ? { value }
        : { want: schema.format ?? 'int64', got: kindOfJson(value) };
    case 'int-or-string':
      return typeof value === 'string' || isInteger(value, 'int32')
        ? { value }
        : { want: 'int-or-string', got: kindOfJson(value) };
    case 'quantity':
      return quantity(value);
    case 'time':
      return time(value, schema.micro);
    case 'bytes':
      return bytes(value);
    default:
      return { value };
  }
}

/** `string`, `number 1.5`, `array`, `object`, `bool`, `null`: how messages name what was found. */
export function kindOfJson(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return `number ${value}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function isInteger(value: unknown, format: 'int32' | 'int64' | undefined): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  return format === 'int32' ? value >= -(2 ** 31) && value < 2 ** 31 : value >= -(2 ** 63) && value < 2 ** 63;
}

function quantity(value: unknown): { readonly value: unknown } | Mismatch {
  const mismatch = { want: 'quantity', got: kindOfJson(value) };
  if (typeof value !== 'string' && typeof value !== 'number') return mismatch;
  const parsed = tryParseQuantity(String(value).trim());
  return typeof parsed === 'string' ? { ...mismatch, why: parsed } : { value: formatQuantity(parsed) };
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?(?:Z|[+-]\d{2}:\d{2})$/;

function time(value: unknown, micro: boolean): { readonly value: unknown } | Mismatch {
  if (typeof value !== 'string') return { want: 'time', got: kindOfJson(value) };
  const match = RFC3339.exec(value);
  const milliseconds = match === null ? Number.NaN : Date.parse(value);
  if (Number.isNaN(milliseconds)) {
    return {
      want: 'time',
      got: 'string',
      why: `parsing time "${value}" as "2006-01-02T15:04:05Z07:00": cannot parse`,
    };
  }
  const seconds = new Date(milliseconds).toISOString().slice(0, 19);
  const fraction = (match?.[1] ?? '').padEnd(6, '0').slice(0, 6);
  return { value: micro ? `${seconds}.${fraction}Z` : `${seconds}Z` };
}

function bytes(value: unknown): { readonly value: unknown } | Mismatch {
  if (typeof value !== 'string') return { want: 'base64 string', got: kindOfJson(value) };
  const text = value.replace(/[\r\n]/g, '');
  const canonical = Buffer.from(text, 'base64').toString('base64');
  // Node skips what is not base64 and takes the URL alphabet too; both show as another text.
  if (canonical.length === text.length && !/[-_]/.test(text)) return { value: canonical };
  return { want: 'base64 string', got: 'string', why: 'illegal base64 data' };
}
