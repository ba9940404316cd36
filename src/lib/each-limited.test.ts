import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { eachLimited } from './each-limited.ts';

test('every item is done, and never more at once than the limit', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await eachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++running);
    await setImmediate();
    running--;
    done.push(item);
  });
  assert.deepEqual(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(most, 3);
});

test('the first error is thrown when what was begun has ended, and ends the rest', async () => {
  const done: number[] = [];
  const all = eachLimited([1, 2, 3, 4, 5, 6], 2, async (item) => {
    await setImmediate();
    if (item === 1) throw new Error('one');
    done.push(item);
  });
  await assert.rejects(all, { message: 'one' });
  assert.deepEqual(done, [2]);
});
