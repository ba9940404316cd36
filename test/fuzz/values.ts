import type { ArraySchema, ObjectSchema, Schema } from '../../src/api/schema.ts';
import { STRANGE } from './mutate.ts';
import type { Random } from './random.ts';

const DEEPEST = 7;
const NAMES = ['a', 'web', 'main', 'http', 'x.io/y', 'example.com/z', 'default', 'box'];
const STRINGS = [
  ...NAMES,
  '',
  '10.0.0.1',
  '10.0.0.0/24',
  'app:1',
  '/path',
  'a=b',
  '*',
  'A B',
  'ünïcode',
  '1Gi',
  '5m',
];
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  'date-time': ['2026-01-01T00:00:00Z', '2026-13-01T00:00:00Z'],
  duration: ['5s', '1h30m', '-1s'],
  'int-or-string': ['10%', 'http'],
};

/**
 * A value that fits a schema more often than not: the fields it has, of the types it says, some left out, and now and
 * then one that nobody expects.
 */
export function valueLike(schema: Schema, random: Random, depth = 0): unknown {
  if (random.next() < 0.01) return random.pick(STRANGE)(random);
  switch (schema.type) {
    case 'string':
      return random.pick(schema.enum ?? FORMATS[schema.format ?? ''] ?? STRINGS);
    case 'integer':
      return random.pick([0, 1, 2, 3, 30, 80, 443, 65_535, -1, 2 ** 31, Number.MAX_SAFE_INTEGER]);
    case 'number':
      return random.pick([0, 0.5, -1, 1e9]);
    case 'boolean':
      return random.next() < 0.5;
    case 'time':
      return random.pick(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000001Z', 'yesterday', '']);
    case 'bytes':
      return random.pick(['', 'YWJj', 'YWJj=', '!']);
    case 'quantity':
      return random.pick(['1', '100m', '1Gi', '1.5', '0', '-1', '1e3', 'x', 12]);
    case 'int-or-string':
      return random.pick([80, 'http', '50%', -1, '']);
    case 'any':
      return random.pick([{}, { a: 1 }, [], 'x', null, { a: { b: [1, 'c'] } }]);
    case 'map':
      return mapOf(schema.values, random, depth);
    case 'array':
      return listOf(schema, random, depth);
    case 'object':
      return objectOf(schema, random, depth);
  }
}

function mapOf(values: Schema, random: Random, depth: number): unknown {
  if (depth > DEEPEST) return {};
  const keys = Array.from({ length: random.below(4) }, () => random.pick(NAMES));
  return Object.fromEntries(keys.map((key) => [key, valueLike(values, random, depth + 1)]));
}

function listOf(schema: ArraySchema, random: Random, depth: number): unknown {
  if (depth > DEEPEST) return [];
  return Array.from({ length: random.below(3) }, () => valueLike(schema.items, random, depth + 1));
}

/** What is required is nearly always there, the rest less the deeper it is. */
export function objectOf(schema: ObjectSchema, random: Random, depth = 0): Record<string, unknown> {
  const chance = depth > DEEPEST ? 0 : 0.6 / (depth + 1);
  const entries = Object.entries(schema.fields).filter(
    ([name]) => random.next() < (schema.required.includes(name) ? 0.97 : chance),
  );
  return Object.fromEntries(
    entries.map(([name, field]) => [name, valueLike(field.schema, random, depth + 1)]),
  );
}
