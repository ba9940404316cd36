import { isCode } from '../../lib/errors.ts';
import { SECOND_MS } from '../../lib/limits.ts';
import { type JsonPath, parseJsonPath } from '../json-path.ts';
import type { Kind, PrinterColumn } from '../kind.ts';
import { AGE, age, type Column, columns } from './column.ts';

const AGE_COLUMN: PrinterColumn = {
  name: 'Age',
  type: 'date',
  format: '',
  description: 'How long ago it was made',
  priority: 0,
  jsonPath: '.metadata.creationTimestamp',
};

/** The name and what the CRD asks for, as far as it can be understood; without a wish, the age. */
export function customColumns(kind: Kind): readonly Column[] {
  const [name] = columns(AGE);
  const wanted = wantedColumns(kind.printerColumns ?? [AGE_COLUMN]);
  return name === undefined ? wanted : [name, ...wanted];
}

/** Those before the first whose path is none, as upstream does. */
function wantedColumns(specs: readonly PrinterColumn[]): readonly Column[] {
  const made: Column[] = [];
  try {
    for (const spec of specs) made.push(customColumn(spec));
  } catch (error) {
    if (!isCode(error, 'BadRequest')) throw error;
  }
  return made;
}

function customColumn(spec: PrinterColumn): Column {
  const { name, type, format, description, priority } = spec;
  const path = parseJsonPath(spec.jsonPath);
  return {
    name,
    type: COLUMN_TYPES[type] ?? 'string',
    format,
    description,
    priority,
    cell: (object, now) => cell(type, path(object), now),
  };
}

const COLUMN_TYPES: Readonly<Record<string, Column['type']>> = {
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  date: 'date',
};

/** As upstream: a missing value shows nothing, of several the first is shown, and one of another type is left out. */
function cell(type: string, [value]: ReturnType<JsonPath>, now: number): unknown {
  if (value === undefined) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? dateCell(value, now) : null;
    default:
      return shown(value);
  }
}

/** Times to come have no age. */
function dateCell(value: string, now: number): string {
  if (value === '' || value === 'null') return '<unknown>';
  const at = Date.parse(value);
  if (Number.isNaN(at) || at - now > SECOND_MS) return '<invalid>';
  return age(value, now);
}

function shown(value: unknown): string {
  if (value === null) return '<no value>';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
