import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeObject, objectBytes } from '../../registry/object-bytes.ts';
import { ListBody } from './list-body.ts';

const HEAD = JSON.stringify({ kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } });

function item(name: string, size: number) {
  const metadata = { name, namespace: 'default' };
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { text: 'ü'.repeat(size) } };
  return objectBytes(encodeObject(object), 12);
}

for (const [title, sizes] of [
  ['none', []],
  ['one', [10]],
  ['many small ones', Array.from({ length: 3000 }, () => 100)],
  ['one larger than a piece between others', [10, 300_000, 10, 131_000, 131_072, 5]],
] as const)
  test(`a list of ${title} is whole, and as long as it says`, () => {
    const items = sizes.map((size, index) => item(`c-${index}`, size));
    const body = new ListBody(HEAD, items);
    const bytes = Buffer.concat([...body]);
    assert.equal(bytes.length, body.length);
    const parsed = JSON.parse(bytes.toString('utf8'));
    assert.equal(parsed.metadata.resourceVersion, '7');
    assert.deepEqual(
      parsed.items,
      items.map((one) => JSON.parse(one.json.toString('utf8'))),
    );
  });
