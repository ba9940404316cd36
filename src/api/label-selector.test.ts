import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import { formatSelector, fromLabelSelector, matchesLabels, parseLabelSelector } from './label-selector.ts';

const labels = { app: 'web', tier: 'front', 'example.com/n': '7', empty: '' };
const cases: ReadonlyArray<[string, boolean]> = [
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app = db', false],
  ['app!=db', true],
  ['missing!=x', true],
  ['app in (db,web)', true],
  ['app in (db)', false],
  ['app notin (db)', true],
  ['app notin (web,db)', false],
  ['missing notin (x)', true],
  ['app', true],
  ['!app', false],
  ['! missing', true],
  ['empty=', true],
  ['empty,app', true],
  ['empty in (,x)', true],
  ['example.com/n>6', true],
  ['example.com/n<7', false],
  ['in=x', false],
  ['toString', false],
];
for (const [text, expected] of cases) {
  test(`"${text}" ${expected ? 'matches' : 'does not match'}`, () => {
    const selector = parseLabelSelector(text);
    assert.equal(matchesLabels(selector, labels), expected);
    assert.deepEqual(parseLabelSelector(formatSelector(selector)), selector);
  });
}

for (const text of [
  'a=b,',
  ',a',
  'a b',
  'a in b',
  'a in (b',
  'a in (b c)',
  'a==b=c',
  '=a',
  '!',
  'a/b/c',
  '-a',
  'a=-',
  'a>x',
]) {
  test(`"${text}" is refused`, () => {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => isCode(error, 'BadRequest') && error.message.startsWith('unable to parse requirement: '),
    );
  });
}

test('selector objects: missing matches nothing, empty matches everything', () => {
  assert.equal(matchesLabels(fromLabelSelector(undefined), labels), false);
  assert.equal(matchesLabels(fromLabelSelector({}), undefined), true);
  const selector = fromLabelSelector({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front', 'back'] },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  });
  assert.equal(matchesLabels(selector, labels), true);
  assert.equal(matchesLabels(selector, { ...labels, gone: '' }), false);
  assert.equal(formatSelector(selector), 'app=web,tier in (front,back),!gone');
});
