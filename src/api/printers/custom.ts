import { isCode } from '../../lib/errors.ts';
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

/** The name and what the CRD asks for; without a wish, or with a path that is none, the age. */
export function customColumns(kind: Kind): readonly Column[] {
  const [name] = columns(AGE);
  const wanted = wantedColumns(kind) ?? [customColumn(AGE_COLUMN)];
  return name === undefined ? wanted : [name, ...wanted];
}

function wantedColumns({ printerColumns }: Kind): readonly Column[] | undefined {
  try {
    return printerColumns?.map(customColumn);
  } catch (error) {
    if (isCode(error, 'BadRequest')) return undefined;
    throw error;
  }
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

/** As upstream: a missing value shows nothing, several are joined, and one of another type is left out. */
function cell(type: string, values: ReturnType<JsonPath>, now: number): unknown {
  const [value] = values;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? age(value, now) : '<unknown>';
    default:
      return values.map(shown).join(' ');
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
