import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import type { JsonObject } from './json.ts';
import { createKindTable } from './kinds.ts';
import { strategicMerge } from './strategic-merge.ts';

const table = createKindTable();
const pod = table.schemaOf('v1', 'Pod');
const deployment = table.schemaOf('apps/v1', 'Deployment');
assert.ok(pod !== undefined && deployment !== undefined);

const cases: ReadonlyArray<{ name: string; original: JsonObject; patch: JsonObject; expected: JsonObject }> =
  [
    {
      name: 'null removes, maps merge',
      original: { metadata: { labels: { a: '1', b: '2' } } },
      patch: { metadata: { labels: { a: null, c: '3' } } },
      expected: { metadata: { labels: { b: '2', c: '3' } } },
    },
    {
      name: 'lists merge by key, in the order of the patch; what only the server has keeps its place',
      original: {
        spec: {
          containers: [
            { name: 'a', image: '1' },
            { name: 'b', image: '2' },
          ],
        },
      },
      patch: {
        spec: {
          containers: [
            { name: 'c', image: '3' },
            { name: 'a', image: '9' },
          ],
        },
      },
      expected: {
        spec: {
          containers: [
            { name: 'c', image: '3' },
            { name: 'a', image: '9' },
            { name: 'b', image: '2' },
          ],
        },
      },
    },
    {
      name: 'an atomic list is replaced',
      original: { spec: { containers: [{ name: 'a', args: ['x'] }] } },
      patch: { spec: { containers: [{ name: 'a', args: ['y'] }] } },
      expected: { spec: { containers: [{ name: 'a', args: ['y'] }] } },
    },
    {
      name: '$patch: delete takes an item out',
      original: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      expected: { spec: { containers: [{ name: 'b' }] } },
    },
    {
      name: '$patch: replace in a list replaces it',
      original: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      patch: { spec: { containers: [{ name: 'c' }, { $patch: 'replace' }] } },
      expected: { spec: { containers: [{ name: 'c' }] } },
    },
    {
      name: '$patch: replace in a map replaces it',
      original: { spec: { securityContext: { runAsUser: 1, fsGroup: 2 } } },
      patch: { spec: { securityContext: { runAsUser: 3, $patch: 'replace' } } },
      expected: { spec: { securityContext: { runAsUser: 3 } } },
    },
    {
      name: '$patch: delete in a map empties it, and makes none',
      original: { spec: { securityContext: { runAsUser: 1 }, nodeName: 'n' } },
      patch: { spec: { securityContext: { $patch: 'delete' }, affinity: { $patch: 'delete' } } },
      expected: { spec: { securityContext: {}, nodeName: 'n' } },
    },
    {
      name: '$patch: delete takes out all that share the key',
      original: { spec: { containers: [{ name: 'a' }, { name: 'a' }, { name: 'b' }] } },
      patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
      expected: { spec: { containers: [{ name: 'b' }] } },
    },
    {
      name: 'scalars merge in the order of the patch',
      original: { metadata: { finalizers: ['x/1', 'x/2', 'x/3'] } },
      patch: { metadata: { finalizers: ['x/3', 'x/1'] } },
      expected: { metadata: { finalizers: ['x/2', 'x/3', 'x/1'] } },
    },
    {
      name: '$setElementOrder of a list that does not merge loses nothing',
      original: { spec: { containers: [{ name: 'a', args: ['x', 'y', 'z'] }], tolerations: [{ key: 'k' }] } },
      patch: {
        spec: {
          '$setElementOrder/tolerations': [],
          containers: [{ name: 'a', '$setElementOrder/args': ['z', 'x'] }],
        },
      },
      expected: { spec: { containers: [{ name: 'a', args: ['y', 'z', 'x'] }], tolerations: [{ key: 'k' }] } },
    },
    {
      name: '$setElementOrder orders what the patch names, others keep their place',
      original: { spec: { containers: [{ name: 'a' }, { name: 'x' }, { name: 'b' }] } },
      patch: {
        spec: {
          '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
          containers: [{ name: 'b', image: 'i' }],
        },
      },
      expected: { spec: { containers: [{ name: 'x' }, { name: 'b', image: 'i' }, { name: 'a' }] } },
    },
    {
      name: '$setElementOrder alone only orders',
      original: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
      patch: { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
      expected: { spec: { containers: [{ name: 'b' }, { name: 'a' }] } },
    },
    {
      name: 'primitive lists merge as sets',
      original: { metadata: { finalizers: ['a', 'b'] } },
      patch: { metadata: { finalizers: ['b', 'c'] } },
      expected: { metadata: { finalizers: ['a', 'b', 'c'] } },
    },
    {
      name: '$deleteFromPrimitiveList removes',
      original: { metadata: { finalizers: ['a', 'b'] } },
      patch: {
        metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], '$setElementOrder/finalizers': ['b'] },
      },
      expected: { metadata: { finalizers: ['b'] } },
    },
    {
      name: '$retainKeys drops a volume source',
      original: { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
      patch: {
        spec: { volumes: [{ name: 'v', hostPath: { path: '/x' }, $retainKeys: ['name', 'hostPath'] }] },
      },
      expected: { spec: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] } },
    },
    {
      name: 'directives in what is new leave no trace',
      original: {},
      patch: {
        spec: {
          containers: [{ name: 'a', image: null, $patch: 'merge' }],
          securityContext: { $patch: 'replace', fsGroup: 1 },
        },
      },
      expected: { spec: { containers: [{ name: 'a' }], securityContext: { fsGroup: 1 } } },
    },
  ];
for (const { name, original, patch, expected } of cases) {
  test(name, () => {
    const before = structuredClone({ original, patch });
    assert.deepEqual(strategicMerge(pod, original, patch), expected);
    assert.deepEqual({ original, patch }, before, 'neither argument is changed');
  });
}

test('$retainKeys on a map: a deployment goes from RollingUpdate to Recreate', () => {
  const original = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
  const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
  assert.deepEqual(strategicMerge(deployment, original, patch), { spec: { strategy: { type: 'Recreate' } } });
});

const refused: ReadonlyArray<[string, JsonObject, RegExp]> = [
  ['no merge key', { spec: { containers: [{ image: 'x' }] } }, /does not contain declared merge key: name/],
  ['an unknown directive', { spec: { $patch: 'explode' } }, /unknown patch type/],
  [
    'an unknown directive in a list',
    { spec: { containers: [{ name: 'a', $patch: 'explode' }] } },
    /unknown patch type/,
  ],
  [
    '$retainKeys that forgets a key',
    { spec: { $retainKeys: ['a'], nodeName: 'n' } },
    /^invalid patch format of retainKeys$/,
  ],
  [
    'a list in another order than it says',
    {
      spec: {
        '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }],
        containers: [{ name: 'b' }, { name: 'a' }],
      },
    },
    /doesn't match \$setElementOrder list/,
  ],
  ['a scalar in a keyed list', { spec: { containers: ['a'] } }, /must be an object/],
];
for (const [name, patch, message] of refused) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => strategicMerge(pod, { spec: { nodeName: 'm' } }, patch),
      (error) => isCode(error, 'BadRequest') && message.test(error.message),
    );
  });
}
