import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression } from './cel.ts';
import { CelBudget } from './meter.ts';
import { TYPES } from './types.ts';

const SELF = {
  name: 'web',
  replicas: 3,
  ratio: 0.5,
  ports: [{ port: 80, name: 'http' }, { port: 443 }],
  labels: { app: 'web', 'a/b': 'c' },
  nothing: null,
};

/** The value, or the words of the fault. */
function run(source: string): unknown {
  const program = compileExpression(source, { variables: { self: TYPES.dyn, b: TYPES.bool, n: TYPES.int } });
  const { value, fault } = program.evaluate({ self: SELF, b: true, n: 7 }, new CelBudget());
  return fault ?? value;
}

function refused(source: string): string {
  try {
    run(source);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'compiled';
}

/** Each must be true. */
const TRUE = [
  // Literals.
  `1 == 1`,
  `0xff == 255`,
  `-9223372036854775808 < 0`,
  `9223372036854775807 > 9007199254740992`,
  `1u == 1u`,
  `1.5e2 == 150.0`,
  `.5 == 0.5`,
  `'a\\u00e9\\n' == "aé\\n"`,
  `r'\\n' == '\\\\n'`,
  `'''a'b''' == "a'b"`,
  `b'\\xff' != b'\\xfe'`,
  `b'é' == b'\\303\\251'`,
  `[1, 2,] == [1, 2]`,
  `{'a': 1,}.a == 1`,
  `null == null`,
  `rb'\\x' == b'\\\\x'`,
  `'\\x41\\101' == 'AA'`,
  `true // a comment`,
  // Operators and numbers.
  `1 + 2 * 3 - 4 == 3`,
  `-7 / 2 == -3`,
  `-7 % 3 == -1`,
  `7u / 2u == 3u`,
  `1.0 / 0.0 > 1e300`,
  `!(1 > 2)`,
  `!!true`,
  `--1 == 1`,
  `9007199254740993 - 1 == 9007199254740992`,
  `3000000000 * 3000000000 == 9000000000000000000`,
  `1 < 1.5`,
  `1u < 2`,
  `2.0 >= 2u`,
  `dyn(1) == 1.0`,
  `dyn(1u) == 1`,
  `dyn(1) != 'a'`,
  `0.0 == -0.0`,
  `'a' + 'b' == 'ab'`,
  `[1] + [2] == [1, 2]`,
  `b'a' + b'b' == b'ab'`,
  `'a' < 'b'`,
  `'\\U0001F600' > '\\uffff'`,
  `false < true`,
  `double('nan') != double('nan')`,
  // In, has, select, index.
  `2 in [1, 2]`,
  `!('z' in {'a': 1})`,
  `'app' in self.labels`,
  `1.0 in [dyn(1)]`,
  `has(self.name)`,
  `!has(self.other)`,
  `!has({'a': 1}.b)`,
  `self.labels['a/b'] == 'c'`,
  `self.ports[0].port == 80`,
  `{1: 'a'}[1] == 'a'`,
  `{1: 'a'}[dyn(1.0)] == 'a'`,
  `has(self.nothing) && self.nothing == null`,
  `self['name'] == 'web'`,
  `self.ratio == 0.5`,
  // Logic absorbs errors.
  `true || 1 / 0 > 0`,
  `1 / 0 > 0 || true`,
  `!(false && self.missing)`,
  `!(self.missing == 1 && false)`,
  `true ? true : 1 / 0 > 0`,
  `[1, 0].exists(x, 1 / x == 1)`,
  `![0, 1].all(x, 1 / x == 2)`,
  // Macros.
  `[1, 2, 3].all(x, x > 0)`,
  `[].all(x, x > 0)`,
  `![1].exists(x, x > 1)`,
  `[1, 2, 2].exists_one(x, x == 1)`,
  `![1, 2, 2].exists_one(x, x == 2)`,
  `[1, 2].map(x, x * 2) == [2, 4]`,
  `[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]`,
  `[1, 2, 3].filter(x, x > 1) == [2, 3]`,
  `{'a': 1}.all(k, k == 'a')`,
  `self.labels.exists(k, k == 'app')`,
  `[1, 2].map(x, [3].map(y, x + y)) == [[4], [5]]`,
  `[1].map(n, n) == [1] && n == 7`,
  `[5, 6].all(i, v, i + 5 == v)`,
  `{'a': 1}.exists(k, v, k == 'a' && v == 1)`,
  `[7].existsOne(i, v, v == 7)`,
  `[1, 2].transformList(i, v, i + v) == [1, 3]`,
  `{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}`,
  `[1, 2].transformMap(i, v, v > 1, v) == {1: 2}`,
  `{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}`,
  `cel.bind(x, 2, x * x) == 4`,
  // Optionals.
  `self.?name == optional.of('web')`,
  `self.?nope.orValue('z') == 'z'`,
  `self.?labels.app.orValue('') == 'web'`,
  `self.labels[?'a/b'].value() == 'c'`,
  `!self.?nope.hasValue()`,
  `optional.none().or(optional.of(1)).value() == 1`,
  `optional.ofNonZeroValue('') == optional.none()`,
  `[?self.?nope, 'a'] == ['a']`,
  `{?'a': self.?nope} == {}`,
  `optional.of(2).optMap(x, x + 1).value() == 3`,
  `optional.of(2).optFlatMap(x, optional.none()) == optional.none()`,
  `[1][?3] == optional.none()`,
  `has(self.?labels.app)`,
  // Conversions and types.
  `int('42') == 42`,
  `int(3.9) == 3`,
  `int(-3.9) == -3`,
  `uint('7') == 7u`,
  `double('1.5') == 1.5`,
  `string(1.5) == '1.5'`,
  `string(1e6) == '1e+06'`,
  `string(7u) == '7'`,
  `string(b'abc') == 'abc'`,
  `bytes('é').size() == 2`,
  `bool('t')`,
  `type(1) == int`,
  `type(1u) == uint`,
  `type('a') == string`,
  `type([]) == list`,
  `type({}) == map`,
  `type(null) == null_type`,
  `type(type(1)) == type`,
  `type(timestamp('2020-01-01T00:00:00Z')) == google.protobuf.Timestamp`,
  `size('é😀') == 2`,
  `'héllo'.size() == 5`,
  `size([1, 2]) == 2`,
  `size({'a': 1}) == 1`,
  `size(b'ab') == 2`,
  // Times.
  `timestamp('2024-02-29T12:30:00.5Z').getFullYear() == 2024`,
  `timestamp('2024-02-29T00:00:00Z').getMonth() == 1`,
  `timestamp('2024-02-29T00:00:00Z').getDate() == 29`,
  `timestamp('2024-02-29T00:00:00Z').getDayOfMonth() == 28`,
  `timestamp('2024-02-29T00:00:00Z').getDayOfWeek() == 4`,
  `timestamp('2024-02-29T00:00:00Z').getDayOfYear() == 59`,
  `timestamp('2024-02-29T23:00:00Z').getHours('+02:00') == 1`,
  `timestamp('2024-07-01T00:00:00Z').getHours('Europe/Berlin') == 2`,
  `timestamp('2024-01-01T00:00:01Z') - timestamp('2024-01-01T00:00:00Z') == duration('1s')`,
  `timestamp('2024-01-01T00:00:00+01:00') < timestamp('2024-01-01T00:00:00Z')`,
  `duration('1h30m').getMinutes() == 90`,
  `duration('1.5s').getMilliseconds() == 1500`,
  `duration('-1h') < duration('0')`,
  `string(duration('90m')) == '5400s'`,
  `string(timestamp('2024-01-01T00:00:00.120Z')) == '2024-01-01T00:00:00.12Z'`,
  `int(timestamp('1970-01-01T00:00:09Z')) == 9`,
  `timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')`,
  // Text.
  `'hello'.contains('ell')`,
  `'hello'.startsWith('he')`,
  `'hello'.endsWith('lo')`,
  `'abc'.matches('^[a-c]+$')`,
  `matches('abc', 'b')`,
  `'a1b22'.find('[0-9]+') == '1'`,
  `'a1b22'.findAll('[0-9]+') == ['1', '22']`,
  `'a1b22'.findAll('[0-9]+', 1) == ['1']`,
];

for (const source of TRUE) test(source, () => assert.equal(run(source), true));

const FAULTS: readonly (readonly [string, string])[] = [
  [`1 / 0`, 'division by zero'],
  [`1 % 0`, 'modulus by zero'],
  [`9223372036854775807 + 1`, 'integer overflow'],
  [`-(-9223372036854775808)`, 'integer overflow'],
  [`0u - 1u`, 'unsigned integer overflow'],
  [`self.missing`, 'no such key: missing'],
  [`self.labels['x']`, 'no such key: x'],
  [`[1][5]`, 'index out of bounds: 5'],
  [`[1][-1]`, 'index out of bounds: -1'],
  [`dyn('a') + 1`, 'no such overload'],
  [`self.name.x`, 'no such overload'],
  [`self.constructor`, 'no such key: constructor'],
  [`self.__proto__`, 'no such key: __proto__'],
  [`{'a': 1}['__proto__']`, 'no such key: __proto__'],
  [`[0].all(x, 1 / x == 1)`, 'division by zero'],
  [`[1, 0].exists_one(x, 1 / x == 1)`, 'division by zero'],
  [`false || 1 / 0 > 0`, 'division by zero'],
  [`int('x')`, `type conversion error from 'string' to 'int'`],
  [`dyn(1) && true`, 'no such overload'],
  [`optional.none().value()`, 'optional.none() dereference'],
  [`{'a': 1, dyn('a'): 2}`, 'Failed with repeated key: a'],
  [`string(b'\\xff')`, 'invalid UTF-8 in bytes, cannot convert to string'],
  [`[1].slice(0, 2)`, 'cannot slice(0, 2), list is length 1'],
  [`[dyn(1), 'a'].sort()`, 'list elements must have the same type'],
  [`[{'a': 1}, {'a': 2}].sort().size()`, 'no such overload'],
  [`lists.range(9223372036854775807)`, 'list is too long'],
  [`lists.range(100000000).size()`, 'operation cancelled: actual cost limit exceeded'],
  [`quantity('10Mo')`, "unable to parse quantity's suffix"],
  [`[].max()`, 'max called on empty list'],
  [`'a'.charAt(2)`, 'index out of range: 2'],
  [`quantity('1500m').asInteger()`, 'cannot convert value to integer'],
  [`dyn('x').isSorted()`, 'no such overload'],
  [`'%d'.format(['x'])`, 'error during formatting: %d of string: only integers can be formatted as integers'],
  [`timestamp('9999-12-31T23:59:59Z') + duration('1h')`, 'timestamp overflow'],
];

for (const [source, words] of FAULTS) test(`${source} fails`, () => assert.equal(run(source), words));

test('every fault of an expression is told, in the order of the source', () => {
  assert.equal(
    refused('a.b == 1 ||\n  n.c && [1].all(x, y)'),
    [
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'a' (in container '')",
      ' | a.b == 1 ||',
      ' | ^',
      "ERROR: <input>:2:4: type 'int' does not support field selection",
      ' |   n.c && [1].all(x, y)',
      ' | ...^',
      "ERROR: <input>:2:21: undeclared reference to 'y' (in container '')",
      ' |   n.c && [1].all(x, y)',
      ' | ....................^',
    ].join('\n'),
  );
});

const REFUSED: readonly (readonly [string, string])[] = [
  [
    `1 + x > 1`,
    `compilation failed: ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | 1 + x > 1\n | ....^`,
  ],
  [`n + 'a'`, `<input>:1:3: found no matching overload for '_+_' applied to '(int, string)'`],
  [`n.foo`, `<input>:1:2: type 'int' does not support field selection`],
  [`n == 'a'`, `found no matching overload for '_==_' applied to '(int, string)'`],
  [`foo(1)`, `<input>:1:4: undeclared reference to 'foo' (in container '')`],
  [`n.foo()`, `undeclared reference to 'foo'`],
  [`'a'.matches(1)`, `found no matching overload for 'matches' applied to 'string.(int)'`],
  [`n && b`, `found no matching overload for '_&&_' applied to '(int, bool)'`],
  [`b ? 1 : 'a'`, `found no matching overload for '_?_:_' applied to '(bool, int, string)'`],
  [`[1, 'a']`, `expected type 'int' but found 'string'`],
  [
    `n.all(x, true)`,
    `expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)`,
  ],
  [`[1].all(x, x)`, `found no matching overload`],
  [`has(self)`, `invalid argument to has() macro`],
  [`Foo{a: 1}`, `undeclared reference to 'Foo'`],
  [`'a'.matches('(')`, `invalid matches argument`],
  [`timestamp('x')`, `invalid timestamp argument`],
  [``, `Syntax error: mismatched input '<EOF>' expecting`],
  [`1 +`, `Syntax error: mismatched input '<EOF>' expecting`],
  [`self.`, `Syntax error`],
  [`(1`, `Syntax error: mismatched input '<EOF>' expecting ')'`],
  [`'abc`, `Syntax error: token recognition error at: '''`],
  [`a b`, `Syntax error: mismatched input 'b' expecting <EOF>`],
  [`package`, `reserved identifier: package`],
  [`99999999999999999999`, `invalid int literal`],
  [`'\\q'`, `unable to unescape string`],
  [`'\\ud800'`, `unable to unescape string`],
];

for (const [source, words] of REFUSED)
  test(`${source} is refused`, () => {
    const message = refused(source);
    assert.ok(message.includes(words), message);
  });
