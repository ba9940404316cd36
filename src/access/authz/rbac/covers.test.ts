import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '../../../api/types.generated.ts';
import { compact, describeRule, uncovered } from './covers.ts';

function rule(verbs: string, groups: string, resources: string, names = ''): PolicyRule {
  return {
    verbs: verbs.split(' '),
    apiGroups: groups.split(' ').map((name) => (name === 'core' ? '' : name)),
    resources: resources.split(' '),
    ...(names === '' ? {} : { resourceNames: names.split(' ') }),
  };
}
const url = (verbs: string, urls: string): PolicyRule => ({
  verbs: verbs.split(' '),
  nonResourceURLs: urls.split(' '),
});

const COVERED: ReadonlyArray<[string, PolicyRule[], PolicyRule[], string[]]> = [
  ['the same', [rule('get', 'core', 'pods')], [rule('get', 'core', 'pods')], []],
  [
    'over several rules',
    [rule('get', 'core', 'pods'), rule('list', 'core', 'pods')],
    [rule('get list', 'core', 'pods')],
    [],
  ],
  [
    'a verb more',
    [rule('get', 'core', 'pods')],
    [rule('get delete', 'core', 'pods')],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'],
  ],
  ['everything', [rule('*', '*', '*')], [rule('*', '*', '*'), rule('x', 'y', 'z/w')], []],
  [
    'all verbs by naming some',
    [rule('get list', 'core', 'pods')],
    [rule('*', 'core', 'pods')],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}'],
  ],
  [
    'all resources by naming one',
    [rule('get', 'core', 'pods')],
    [rule('get', 'core', '*')],
    ['{APIGroups:[""], Resources:["*"], Verbs:["get"]}'],
  ],
  ['a subresource by pattern', [rule('get', 'core', '*/scale')], [rule('get', 'core', 'rcs/scale')], []],
  [
    'a pattern by a subresource',
    [rule('get', 'core', 'rcs/scale')],
    [rule('get', 'core', '*/scale')],
    ['{APIGroups:[""], Resources:["*/scale"], Verbs:["get"]}'],
  ],
  [
    'a subresource by its resource',
    [rule('get', 'core', 'pods')],
    [rule('get', 'core', 'pods/log')],
    ['{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}'],
  ],
  ['a name of all', [rule('get', 'core', 'pods')], [rule('get', 'core', 'pods', 'a')], []],
  [
    'all by a name',
    [rule('get', 'core', 'pods', 'a')],
    [rule('get', 'core', 'pods')],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  ],
  [
    'another name',
    [rule('get', 'core', 'pods', 'a')],
    [rule('get', 'core', 'pods', 'a b')],
    ['{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}'],
  ],
  ['a path by a prefix', [url('get', '/a/*')], [url('get', '/a/b /a/b/*')], []],
  [
    'a prefix by a path',
    [url('get', '/a/b')],
    [url('get', '/a/*')],
    ['{NonResourceURLs:["/a/*"], Verbs:["get"]}'],
  ],
  [
    'a path by resources',
    [rule('*', '*', '*')],
    [url('get', '/a')],
    ['{NonResourceURLs:["/a"], Verbs:["get"]}'],
  ],
];
for (const [what, owned, wanted, missing] of COVERED) {
  test(`escalation: ${what}`, () => {
    assert.deepEqual(compact(uncovered(owned, wanted)).map(describeRule), missing);
  });
}

test('a product of millions of rules is refused, not computed', () => {
  const many = Array.from({ length: 300 }, (_, index) => `x${index}`).join(' ');
  const before = performance.now();
  assert.throws(() => uncovered([rule('get', 'core', 'pods')], [rule(many, many, many, many)]), {
    code: 'Forbidden',
  });
  assert.ok(performance.now() - before < 2000);
});
