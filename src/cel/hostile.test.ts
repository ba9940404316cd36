import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../lib/limits.ts';
import { compileExpression } from './cel.ts';
import { CelBudget } from './meter.ts';
import { TYPES } from './types.ts';

/** What one evaluation may take even on a machine that does much besides. */
const LONG_MS = 1500;

function evaluate(
  source: string,
  self: unknown = {},
): ReturnType<ReturnType<typeof compileExpression>['evaluate']> {
  const program = compileExpression(source, { variables: { self: TYPES.dyn } });
  const began = performance.now();
  const outcome = program.evaluate({ self }, new CelBudget());
  const took = performance.now() - began;
  assert.ok(took < LONG_MS, `${took} ms`);
  return outcome;
}

function nested(head: string, times: number, body: string): string {
  return `${head.repeat(times)}${body}${')'.repeat(times)}`;
}

const TEN = '[0,1,2,3,4,5,6,7,8,9]';

const COSTLY: readonly (readonly [string, string])[] = [
  [
    'loops in loops',
    Array.from({ length: 9 }, (_, i) => `${TEN}.all(v${i}, `)
      .concat('true', ')'.repeat(9))
      .join(''),
  ],
  [
    'lists of lists',
    Array.from({ length: 9 }, (_, i) => `${TEN}.map(v${i}, `)
      .concat('1', ')'.repeat(9))
      .join(''),
  ],
  ['text that doubles', `cel.bind(a, 'xxxxxxxx', ${nested('cel.bind(a, a + a, ', 40, 'a')}).size()`],
  ['lists that double', `cel.bind(a, [1], ${nested('cel.bind(a, a + a, ', 40, 'a')}).size()`],
  ['replacing that doubles', `cel.bind(a, 'x', ${nested("cel.bind(a, a.replace('x', 'xx'), ", 40, 'a')})`],
  ['comparing what shares', `cel.bind(a, [1], ${nested('cel.bind(a, [a, a], ', 40, 'a == a')})`],
  [
    'printing what shares',
    `cel.bind(a, ['x'], ${nested('cel.bind(a, [dyn(a), a], ', 40, "'%s'.format([a])")})`,
  ],
  [
    'errors without end',
    Array.from({ length: 8 }, (_, i) => `${TEN}.all(v${i}, `)
      .concat('1 / 0 > 1', ')'.repeat(8))
      .join(''),
  ],
  [
    'maps that grow',
    Array.from({ length: 8 }, (_, i) => `${TEN}.transformMap(k${i}, v${i}, `)
      .concat('1', ')'.repeat(8))
      .join(''),
  ],
];

for (const [what, source] of COSTLY)
  test(`${what}: ends at its cost`, () => {
    const { fault, costExceeded } = evaluate(source);
    assert.equal(costExceeded, 'expression', fault);
  });

test('regular expressions take linear time', () => {
  const text = 'a'.repeat(50_000);
  for (const pattern of ['(a+)+$', '(a|aa)+b', '(a*)*b', '(.*)(.*)(.*)(.*)x', '^(([a-z])+.)+[A-Z]([a-z])+$'])
    assert.equal(evaluate(`self.matches('${pattern}')`, `${text}!`).value, false, pattern);
});

test('a short pattern of a large automaton costs what it is', () => {
  const text = 'a'.repeat(50_000);
  assert.equal(evaluate("self.matches('a{1,900}b{1,900}c')", text).costExceeded, 'expression');
  assert.equal(evaluate("self.findAll('a{1,500}b').size()", text).costExceeded, 'expression');
  assert.throws(
    () => evaluate("self.matches('((a{1,100}){1,100}){1,100}')", text),
    /invalid matches argument/,
  );
  const dynamic = evaluate("[self + '('].exists(p, 'a'.matches(p))", 'a');
  assert.match(dynamic.fault ?? '', /missing closing/);
  assert.match(evaluate("'a'.matches(self)", 'a'.repeat(5000)).fault ?? '', /longer than/);
});

test('a budget is shared, and says when it is used up', () => {
  const budget = new CelBudget(1000);
  const program = compileExpression(`${TEN}.all(a, ${TEN}.all(b, a >= 0 && b >= 0))`, { variables: {} });
  assert.equal(program.evaluate({}, budget).value, true);
  const { costExceeded } = program.evaluate({}, budget);
  assert.equal(costExceeded, 'request');
  assert.ok(budget.left <= 0);
});

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ['parentheses', '('.repeat(100_000), /exceeds limit/],
  ['parentheses within the size', '('.repeat(2000), /recursion limit/],
  ['lists', '['.repeat(2000), /recursion limit/],
  ['unary signs', `${'!'.repeat(2000)}true`, /recursion limit/],
  ['minus signs', `${'-'.repeat(2000)}1`, /recursion limit/],
  ['members', `self${'.a'.repeat(2000)}`, /recursion limit/],
  ['sums', `1${'+1'.repeat(2000)}`, /recursion limit/],
  ['ternaries', `${'true ? 1 : '.repeat(2000)}1`, /recursion limit/],
  ['macros', nested('[1].all(x, ', 1000, 'true'), /recursion limit/],
  ['parts', `[${'1,'.repeat(25_000)}]`, /more than 20000 parts/],
  ['a text without an end', `'${'\\\\'.repeat(20_000)}`, /Syntax error/],
];

for (const [what, source, words] of REFUSED)
  test(`${what} without bound are refused`, () => {
    assert.throws(() => compileExpression(source, { variables: { self: TYPES.dyn } }), words);
  });

test('long chains of && and || are no deep tree', () => {
  const chain = `${'true && '.repeat(5000)}true`;
  assert.equal(evaluate(chain).value, true);
});

test('what an object inherits is not there', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']) {
    assert.equal(evaluate(`has(self.${name})`).value, false, name);
    assert.equal(evaluate(`self['${name}']`).fault, `no such key: ${name}`);
    assert.equal(evaluate(`'${name}' in self`).value, false, name);
    assert.throws(() => evaluate(`${name}(self)`), /undeclared reference/);
    assert.throws(() => evaluate(`self.${name}()`), /undeclared reference/);
    assert.throws(() => evaluate(name), /undeclared reference/);
  }
  const own = JSON.parse('{"__proto__": 1}') as object;
  assert.equal(
    evaluate("self.__proto__ == 1 && '__proto__' in self && self.all(k, k == '__proto__')", own).value,
    true,
  );
});

test('deep and large values are walked within the cost', () => {
  let deep: unknown = 1;
  for (let i = 0; i < LIMITS.nesting; i++) deep = { a: [deep] };
  assert.equal(evaluate('self == self', deep).value, true);
  const large = Array.from({ length: 200_000 }, (_, i) => ({ name: `n${i}` }));
  assert.equal(
    evaluate('self.all(a, self.all(b, a.name != b.name || a == b))', large).costExceeded,
    'expression',
  );
  assert.equal(evaluate("self.exists(a, a.name == 'n9')", large).value, true);
});
