import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRange, decodeTxn, decodeWatch, encodeRange, encodeTxn } from './messages.ts';
import { eachField, encodeFields } from './wire.ts';

test('numbers up to the largest revision, bytes and flags come back as they were', () => {
  for (const number of [1, 127, 128, 300, 2 ** 31, 2 ** 32 + 1, 2 ** 52 + 12_345, Number.MAX_SAFE_INTEGER]) {
    const seen: [number, number, string][] = [];
    const message = encodeFields([
      [1, number],
      [2, Buffer.from('text')],
      [15, true],
      [16, Buffer.alloc(0)],
      [3, 0],
      [4, undefined],
      [5, false],
    ]);
    eachField(message, (field, value) => seen.push([field, value.number, value.bytes.toString()]));
    assert.deepEqual(seen, [
      [1, number, ''],
      [2, 0, 'text'],
      [15, 1, ''],
      [16, 0, ''],
    ]);
  }
});

test('requests are as etcd writes them', () => {
  const key = Buffer.from('a');
  assert.equal(
    encodeRange({ key, limit: 5, revision: 300, keysOnly: true }).toString('hex'),
    '0a0161' + '1805' + '20ac02' + '4001',
  );
  const txn = {
    compare: [{ key, target: 'mod', value: 0 }] as const,
    success: [{ put: key, value: key }],
    failure: [],
  };
  // compare { target: MOD, key: a, mod_revision: 0 }, success { put { key: a, value: a } }
  assert.equal(
    encodeTxn(txn).toString('hex'),
    '0a07' + '1002' + '1a0161' + '3000' + '1208' + '1206' + '0a0161' + '120161',
  );
});

test('what is cut off or garbled is an error, or empty, and never hangs', () => {
  const kv = encodeFields([
    [1, Buffer.from('key')],
    [3, 7],
    [5, Buffer.from('value')],
  ]);
  const whole = encodeFields([
    [1, encodeFields([[3, 9]])],
    [2, kv],
    [4, 1],
  ]);
  assert.deepEqual(
    decodeRange(whole).kvs.map((one) => [one.key.toString(), one.modRevision, one.value.toString()]),
    [['key', 7, 'value']],
  );
  for (let length = 1; length < whole.length; length += 1) {
    try {
      decodeRange(whole.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }
  for (const garbled of [
    Buffer.alloc(50, 0xff),
    Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.from([0x07]),
  ])
    for (const decode of [decodeRange, decodeTxn, decodeWatch])
      assert.throws(() => decode(garbled), RangeError);
});
