import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCode } from '../lib/errors.ts';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  toBytes,
  toMillis,
} from './quantity.ts';

const canonical: ReadonlyArray<[string | number, string]> = [
  ['0', '0'],
  ['0Ki', '0'],
  ['100m', '100m'],
  ['1000m', '1'],
  ['0.5', '500m'],
  [2, '2'],
  [0.25, '250m'],
  ['1.5Gi', '1536Mi'],
  ['1024Ki', '1Mi'],
  ['1023', '1023'],
  ['1024', '1024'],
  ['512Ki', '512Ki'],
  ['0.5Ki', '512'],
  ['1.5', '1500m'],
  ['1000k', '1M'],
  ['1500k', '1500k'],
  ['1e3', '1e3'],
  ['1E3', '1e3'],
  ['100e-3', '100e-3'],
  ['12e6', '12e6'],
  ['1E', '1E'],
  ['1n', '1n'],
  ['1000n', '1u'],
  ['0.0000000001', '1n'],
  ['-5m', '-5m'],
  ['+5', '5'],
  ['.5', '500m'],
  ['5.', '5'],
  ['1e999999999', '9223372036854775807e0'],
  ['1e-999999999', '1e-9'],
];
for (const [text, expected] of canonical) {
  test(`${text} is written ${expected}`, () =>
    assert.equal(canonicalQuantity(text), expected.replace(/e0$/, '')));
}

for (const text of [
  '',
  'x',
  '1x',
  '1.2.3',
  '1 Gi',
  '1ki',
  '1KiB',
  'e3',
  '1e',
  '--1',
  `${'9'.repeat(65)}`,
  '1\n',
]) {
  test(`${JSON.stringify(text)} is no quantity`, () => {
    assert.throws(
      () => parseQuantity(text),
      (error) => isCode(error, 'BadRequest'),
    );
  });
}

test('quantities compare and add exactly', () => {
  assert.ok(compareQuantities(parseQuantity('1Gi'), parseQuantity('1G')) > 0);
  assert.equal(compareQuantities(parseQuantity('1000m'), parseQuantity('1')), 0);
  assert.ok(compareQuantities(parseQuantity('-1'), parseQuantity('1n')) < 0);
  assert.equal(formatQuantity(addQuantities(parseQuantity('100m'), parseQuantity('0.9'))), '1');
  assert.equal(formatQuantity(addQuantities(parseQuantity('0'), parseQuantity('1Gi'))), '1Gi');
});

test('whole units and thousandths round up', () => {
  assert.equal(toBytes('128Mi'), 134217728);
  assert.equal(toBytes('1500m'), 2);
  assert.equal(toMillis('0.5'), 500);
  assert.equal(toMillis('1u'), 1);
});
