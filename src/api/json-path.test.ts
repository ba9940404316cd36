import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import { parseJsonPath } from './json-path.ts';

const object = {
  metadata: { labels: { 'a.b/c': 'x' } },
  spec: { size: 3, ports: [{ port: 1 }, { port: 2 }] },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', good: true },
      { type: 'Other', status: 'False' },
    ],
  },
};

const cases: readonly [string, readonly unknown[]][] = [
  ['.spec.size', [3]],
  ['.spec.nothing.here', []],
  [".metadata.labels['a.b/c']", ['x']],
  ['.metadata.labels.a\\.b/c', ['x']],
  ['.spec.ports[1].port', [2]],
  ['.spec.ports[-1].port', [2]],
  ['.spec.ports[*].port', [1, 2]],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  ['.status.conditions[?(@.type == "Missing")].status', []],
  ['.status.conditions[?(@.good==true)].type', ['Ready']],
  ['.status.conditions[?(@.good)].type', ['Ready']],
  ['.status.conditions[?(@.type!="Ready")].type', ['Other']],
  ['.spec.ports[?(@.port>1)].port', [2]],
  ['.spec.ports[?(@.port <= 1)].port', [1]],
  ['.spec.ports[?(@.port<"a")].port', []],
  ['.spec.ports[0:1].port', [1]],
  ['.spec.ports[-1:].port', [2]],
  ['.spec.ports[0,1].port', [1, 2]],
  ["['metadata','status'].conditions[0].type", ['Ready']],
  ['..port', [1, 2]],
  ['.spec..port', [1, 2]],
  ['.spec.ports[1].port[0]', []],
  ['.constructor', []],
];
for (const [path, found] of cases)
  test(`${path} finds ${JSON.stringify(found)}`, () => assert.deepEqual(parseJsonPath(path)(object), found));

for (const path of ['.spec[', '.spec[?(a>1)]', '.spec[?(@.a>b)]', '.spec..', '..a..b', '$(x)'])
  test(`${path} is refused`, () =>
    assert.throws(
      () => parseJsonPath(path),
      (error) => isCode(error, 'BadRequest'),
    ));

test('a path that names a value again and again ends', () => {
  let nested: unknown = [1];
  for (let depth = 0; depth < 60; depth++) nested = [nested];
  const found = parseJsonPath('[0,-1]'.repeat(60))(nested);
  assert.ok(found.length <= 10_000);
});
