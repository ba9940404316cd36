import type { ArraySchema, Bounds, Field, ObjectSchema, Schema, StringSchema } from '../api/schema.ts';
import { escapeName, unescapeName } from './names.ts';
import { type CelType, listOf, mapOf, type ObjectField, type ObjectType, TYPES } from './types.ts';

/** The largest request, in bytes: what an unbounded list, map or string is taken to fill. */
const REQUEST_BYTES = 3_145_728;

/** A map's keys count for nothing when a cost is estimated, as upstream has it. */
const KEY: CelType = { kind: 'string', size: 0 };

/**
 * The type of what a schema describes, as upstream declares it: an object with its fields (names escaped, unknown
 * ones refused), `date-time` a timestamp, `byte` bytes, int-or-string and anything dyn.
 * A schema's type is the same value each time it is asked for through its parent, so that `self` and `oldSelf`
 * compare.
 */
export function schemaType(schema: Schema): CelType {
  switch (schema.type) {
    case 'string':
      return stringType(schema);
    case 'integer':
      return TYPES.int;
    case 'number':
      return TYPES.double;
    case 'boolean':
      return TYPES.bool;
    case 'time':
      return TYPES.timestamp;
    case 'bytes':
      return { kind: 'bytes', size: REQUEST_BYTES };
    case 'quantity':
      return { kind: 'string', size: 64 };
    case 'int-or-string':
    case 'any':
      return TYPES.dyn;
    case 'map':
      return mapOf(KEY, schemaType(schema.values), countOf(schema.bounds, smallest(schema.values) + 6));
    case 'array':
      return arrayType(schema);
    case 'object':
      return objectType(schema);
  }
}

function stringType({ format, bounds, enum: words }: StringSchema): CelType {
  if (format === 'date-time' || format === 'date') return TYPES.timestamp;
  if (format === 'duration') return TYPES.duration;
  const size = bounds?.maxCount ?? (words === undefined ? REQUEST_BYTES : longest(words));
  return { kind: format === 'byte' ? 'bytes' : 'string', size };
}

function longest(words: readonly string[]): number {
  return Math.max(0, ...words.map((word) => word.length));
}

function arrayType({ items, bounds, listType, mapKeys }: ArraySchema): CelType {
  const plain = listOf(schemaType(items), countOf(bounds, smallest(items) + 1));
  if (listType === 'atomic') return plain;
  return { ...plain, keys: listType === 'map' ? mapKeys : [] };
}

/** @param bytes that each item or member takes at least, with what stands around it */
function countOf(bounds: Bounds | undefined, bytes: number): number {
  return bounds?.maxCount ?? Math.floor((REQUEST_BYTES - 2) / bytes);
}

/** The fewest bytes a value of the schema takes in JSON. */
function smallest(schema: Schema): number {
  if (schema.type === 'boolean') return 4;
  if (schema.type === 'object') return 2 + schema.required.reduce((sum, name) => sum + name.length + 4, 0);
  return schema.type === 'integer' || schema.type === 'number' ? 1 : 2;
}

/** Fields are made when an expression asks for them: a pod's schema is large and an expression small. */
function objectType({ fields, name }: ObjectSchema): ObjectType {
  const made = new Map<string, ObjectField | undefined>();
  const field = (asked: string): ObjectField | undefined => {
    if (!made.has(asked)) made.set(asked, fieldOf(fields, asked));
    return made.get(asked);
  };
  return {
    kind: 'object',
    name: name === '' ? 'object' : name,
    field,
    memberType: (member) => {
      const name = escapeName(member);
      return name === undefined ? undefined : field(name)?.type;
    },
  };
}

function fieldOf(fields: ObjectSchema['fields'], asked: string): ObjectField | undefined {
  for (const member of candidates(asked)) {
    const field: Field | undefined = Object.hasOwn(fields, member) ? fields[member] : undefined;
    if (field !== undefined && escapeName(member) === asked && isKnown(field.schema))
      return { member, type: schemaType(field.schema) };
  }
  return undefined;
}

/** What may be anything has no type, and a field without one cannot be named. */
function isKnown(schema: Schema): boolean {
  if (schema.type === 'array') return isKnown(schema.items);
  return schema.type === 'map' ? isKnown(schema.values) : schema.type !== 'any';
}

function candidates(asked: string): readonly string[] {
  const plain = unescapeName(asked);
  return plain === asked ? [asked] : [plain, asked];
}
