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
];
for (const [path, found] of cases)
  test(`${path} finds ${JSON.stringify(found)}`, () => assert.deepEqual(parseJsonPath(path)(object), found));

for (const path of ['.spec[', '.spec[?(@.a>1)]', '.spec..size', '$(x)'])
  test(`${path} is refused`, () =>
    assert.throws(
      () => parseJsonPath(path),
      (error) => isCode(error, 'BadRequest'),
    ));
