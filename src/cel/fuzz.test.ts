import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmphoraError } from '../lib/errors.ts';
import { compileExpression } from './cel.ts';
import { CelFault } from './faults.ts';
import { FUNCTIONS } from './library/all.ts';
import { CelBudget } from './meter.ts';
import { schemaType } from './schema-type.ts';
import { toJson } from './to-json.ts';
import { TYPES } from './types.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 7);
const TIMES = Number(process.env.FUZZ_TIMES ?? 8000);

/** Mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % below) | 0;
  };
}

const LITERALS = [
  '0',
  '-1',
  '7',
  '9223372036854775807',
  '-9223372036854775808',
  '1u',
  '18446744073709551615u',
  '1.5',
  '-0.0',
  '1e308',
  'true',
  'false',
  'null',
  "''",
  "'a'",
  "'é😀'",
  "'10.0.0.1'",
  "'10.0.0.0/8'",
  "'1Gi'",
  "'1.2.3'",
  "'https://e.com/a?b=c'",
  "'2024-01-01T00:00:00Z'",
  "'1h'",
  "'^a+$'",
  "'('",
  "'%s %d %f'",
  "b''",
  "b'\\xff'",
  '[]',
  '[1, 2]',
  "['a', 'b']",
  '{}',
  "{'a': 1}",
  '{1: true}',
  'self',
  'any',
  'any.list',
  'any.map',
  'any.text',
  'self.names',
  'self.size',
  'int',
  'string',
  'optional.none()',
  'optional.of(1)',
  "quantity('1')",
  "ip('::1')",
  "cidr('::/0')",
  "semver('1.0.0')",
  "url('/a')",
  "timestamp('2024-01-01T00:00:00Z')",
  "duration('1s')",
  'format.uuid()',
  'x',
];
const OPERATORS = ['+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'];
const MACROS = [
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
  'sortBy',
  'transformList',
  'transformMap',
  'transformMapEntry',
];
const METHODS = [...FUNCTIONS.keys()].filter((name) => name.startsWith('.'));
const CALLS = [...FUNCTIONS.keys()].filter((name) => /^[a-z]/.test(name));

function expression(pick: (below: number) => number, depth: number): string {
  const one = (list: readonly string[]): string => list[pick(list.length)] ?? '';
  if (depth === 0) return one(LITERALS);
  const inner = () => expression(pick, pick(depth));
  const args = () => Array.from({ length: pick(3) }, inner).join(', ');
  // dyn() hides what the checker would refuse, so that the evaluator meets it.
  const hidden = () => (pick(2) === 0 ? `dyn(${inner()})` : inner());
  switch (pick(11)) {
    case 0:
    case 1:
      return `(${hidden()} ${one(OPERATORS)} ${hidden()})`;
    case 2:
      return `${hidden()}${one(METHODS)}(${args()})`;
    case 3:
      return `${hidden()}${one(METHODS)}(${hidden()})`;
    case 4:
      return `${one(CALLS)}(${hidden()})`;
    case 5:
      return `${hidden()}.${one(MACROS)}(x, ${hidden()})`;
    case 6:
      return `${hidden()}.${one(MACROS)}(x, y, ${hidden()})`;
    case 7:
      return `${hidden()}[${pick(2) === 0 ? '?' : ''}${hidden()}]`;
    case 8:
      return `(${hidden()} ? ${inner()} : ${inner()})`;
    case 9:
      return `${hidden()}.${pick(2) === 0 ? '?' : ''}${one(['a', 'list', 'map', 'text', 'size', '__proto__'])}`;
    default:
      return one([
        `[${args()}]`,
        `{${inner()}: ${inner()}}`,
        `!${hidden()}`,
        `-${hidden()}`,
        `has(any.${one(['a', 'map'])})`,
      ]);
  }
}

/** With a character more, less or another. */
function damaged(source: string, pick: (below: number) => number): string {
  const at = pick(source.length + 1);
  const sign = '\'"`\\(){}[].,?:-+u0x\n\0é\ud800/'[pick(29)] ?? '';
  return source.slice(0, at) + sign + source.slice(at + pick(2));
}

const SELF = schemaType({
  type: 'object',
  name: '',
  fields: {
    names: { schema: { type: 'array', items: { type: 'string' }, listType: 'set', mapKeys: [] } },
    size: { schema: { type: 'number' } },
  },
  required: [],
  preserveUnknown: false,
  atomic: false,
});
const VALUES = {
  self: { names: ['a'], size: 2 },
  any: { a: null, list: [1, 'a', null, [2.5], { a: 1 }], map: { a: [1], b: {} }, text: 'aé😀' },
};

test(`${TIMES} expressions from seed ${SEED} are refused, fail or give a value, and change nothing`, () => {
  const pick = random(SEED);
  const before = JSON.stringify(VALUES);
  let evaluated = 0;
  for (let i = 0; i < TIMES; i++) {
    const source = pick(4) === 0 ? damaged(expression(pick, 4), pick) : expression(pick, 4);
    try {
      const program = compileExpression(source, { variables: { self: SELF, any: TYPES.dyn } });
      const { value, fault } = program.evaluate(VALUES, new CelBudget(200_000));
      evaluated++;
      assert.ok(fault === undefined ? value !== undefined : value === undefined);
      if (fault === undefined) toJson(value);
    } catch (error) {
      const isForeseen =
        error instanceof CelFault || (error instanceof AmphoraError && error.code === 'Invalid');
      if (!isForeseen) throw new Error(`${source}: ${String(error)}`, { cause: error });
    }
  }
  assert.equal(JSON.stringify(VALUES), before);
  assert.ok(evaluated > TIMES / 10, `only ${evaluated} were evaluated`);
});
