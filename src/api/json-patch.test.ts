import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isCode } from '../lib/errors.ts';
import { LIMITS } from '../lib/limits.ts';
import { jsonPatch } from './json-patch.ts';

test('operations apply in order and the original stays', () => {
  const original = { a: [1, 2], b: { c: 'x' } };
  const patched = jsonPatch(original, [
    { op: 'test', path: '/b/c', value: 'x' },
    { op: 'add', path: '/a/-', value: 3 },
    { op: 'remove', path: '/b/c' },
    { op: 'copy', from: '/a', path: '/d~1e' },
    { op: 'move', from: '/a/0', path: '/first' },
    { op: 'replace', path: '/b', value: null },
  ]);
  assert.deepEqual(patched, { a: [2, 3], b: null, 'd/e': [1, 2, 3], first: 1 });
  assert.deepEqual(original, { a: [1, 2], b: { c: 'x' } });
});

test('a value in the patch is not shared with the result', () => {
  const value = { x: 1 };
  const patched = jsonPatch({}, [
    { op: 'add', path: '/a', value },
    { op: 'add', path: '/a/y', value: 2 },
  ]);
  assert.deepEqual({ patched, value }, { patched: { a: { x: 1, y: 2 } }, value: { x: 1 } });
});

const rejections: ReadonlyArray<[unknown, string]> = [
  [{ op: 'test', path: '/a', value: 2 }, 'testing value /a failed: test failed'],
  [
    { op: 'remove', path: '/nope' },
    "error in remove for path: '/nope': Unable to remove nonexistent key: nope: missing value",
  ],
  [
    { op: 'replace', path: '/nope', value: 1 },
    'replace operation does not apply: doc is missing key: /nope: missing value',
  ],
  [
    { op: 'add', path: '/nope/deep', value: 1 },
    'add operation does not apply: doc is missing path: "/nope/deep": missing value',
  ],
  [
    { op: 'copy', from: '/nope/deep', path: '/b' },
    'copy operation does not apply: doc is missing from path: /nope/deep: missing value',
  ],
  [
    { op: 'add', path: '/l/7', value: 1 },
    "error in add for path: '/l/7': Unable to access invalid index: 7: invalid index referenced",
  ],
];
for (const [operation, why] of rejections) {
  test(`says why not: ${why}`, () => {
    const message = `the server rejected our request due to an error in our request: ${why}`;
    assert.throws(() => jsonPatch({ a: 1, l: [] }, [operation]), { code: 'Invalid', message });
  });
}

test('a test for null passes where nothing is', () => {
  const operations = [
    { op: 'test', path: '/nope', value: null },
    { op: 'test', path: '/b/x~1y', value: null },
  ];
  assert.deepEqual(jsonPatch({ a: 1, b: {} }, operations), { a: 1, b: {} });
  assert.throws(() => jsonPatch({ a: 1 }, [{ op: 'test', path: '/a', value: null }]), { code: 'Invalid' });
});

test('lists: at the end, in the middle, and from one to the other', () => {
  const patched = jsonPatch({ a: [1, 2, 3], b: [] }, [
    { op: 'add', path: '/a/1', value: 'x' },
    { op: 'add', path: '/a/4', value: 'y' },
    { op: 'replace', path: '/a/0', value: 0 },
    { op: 'move', from: '/a/3', path: '/b/-' },
    { op: 'test', path: '/a', value: [0, 'x', 2, 'y'] },
    { op: 'remove', path: '/a/1' },
    { op: 'copy', from: '', path: '/all' },
  ]);
  const rest = { a: [0, 2, 'y'], b: [3] };
  assert.deepEqual(patched, { ...rest, all: rest });
});

test('the whole document', () => {
  assert.deepEqual(jsonPatch({ a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }]), { b: 2 });
  assert.deepEqual(jsonPatch({ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '' }]), { b: 1 });
  assert.throws(() => jsonPatch({ a: 1 }, [{ op: 'move', from: '', path: '/a/b' }]), { code: 'Invalid' });
  assert.throws(() => jsonPatch({ a: {} }, [{ op: 'move', from: '/a', path: '/a/b' }]), { code: 'Invalid' });
});

test('many operations on much take no longer than they are long', { timeout: 20_000 }, () => {
  const list = Array.from({ length: 20_000 }, (_, name) => ({ name }));
  const moves = Array.from({ length: LIMITS.jsonPatchOperations }, () => ({
    op: 'move',
    from: '/list/0',
    path: '/list/-',
  }));
  const patched = jsonPatch({ list }, moves) as { list: unknown[] };
  assert.deepEqual(patched.list[0], { name: LIMITS.jsonPatchOperations });
});

test('operations cannot dig deeper than a body may', () => {
  const operations = Array.from({ length: 200 }, (_, depth) => ({
    op: 'add',
    path: '/x'.repeat(depth + 1),
    value: {},
  }));
  assert.throws(() => jsonPatch({}, operations), { code: 'Invalid' });
});

const refused: ReadonlyArray<[string, unknown[], ErrorCode]> = [
  ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
  ['a path to nothing', [{ op: 'remove', path: '/nope' }], 'Invalid'],
  ['an index beyond the list', [{ op: 'add', path: '/l/7', value: 1 }], 'Invalid'],
  ['__proto__', [{ op: 'add', path: '/__proto__/polluted', value: 1 }], 'Invalid'],
  ['constructor.prototype', [{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }], 'Invalid'],
  ['an unknown operation', [{ op: 'frobnicate', path: '/a' }], 'BadRequest'],
  ['no value', [{ op: 'add', path: '/a' }], 'BadRequest'],
  ['no pointer', [{ op: 'remove', path: 'a' }], 'BadRequest'],
  ['no object', ['remove'], 'BadRequest'],
  ['copy without from', [{ op: 'copy', path: '/b' }], 'BadRequest'],
  ['copy from nothing', [{ op: 'copy', from: '/nope/deep', path: '/b' }], 'Invalid'],
  ['too many', Array(LIMITS.jsonPatchOperations + 1).fill({ op: 'test', path: '/a', value: 1 }), 'TooLarge'],
  [
    'copies that double',
    Array.from({ length: 40 }, (_, n) => ({ op: 'copy', from: '', path: `/b${n}` })),
    'Invalid',
  ],
];
for (const [name, operations, code] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => jsonPatch({ a: 1, l: [] }, operations),
      (error) => isCode(error, code),
    );
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });
}
