import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { runControlLoop } from './control-loop.ts';
import { WorkQueue } from './work-queue.ts';

test('a key stands in the queue once, and comes back when it was added during its work', async () => {
  const queue = new WorkQueue({ clock: systemClock });
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(queue.size, 2);
  assert.equal(await queue.next(), 'a');
  queue.add('a');
  assert.equal(await queue.next(), 'b');
  assert.equal(queue.size, 0);
  queue.done('a');
  assert.equal(await queue.next(), 'a');
  queue.close();
  assert.equal(await queue.next(), undefined);
});

test('of several delays the earliest counts', async () => {
  const queue = new WorkQueue({ clock: systemClock });
  queue.addAfter('late', 60_000);
  queue.addAfter('late', 1);
  assert.equal(await queue.next(), 'late');
  queue.close();
});

test('a full queue says so', () => {
  const queue = new WorkQueue({ clock: systemClock, limit: 1 });
  queue.add('a');
  assert.throws(() => queue.add('b'), { code: 'Unavailable' });
});

test('a control loop tries a failed key again and ends with its signal', async () => {
  const queue = new WorkQueue({ clock: systemClock });
  const stop = new AbortController();
  const tries: string[] = [];
  queue.add('a');
  await runControlLoop({
    queue,
    workers: 2,
    signal: stop.signal,
    log: silentLogger(),
    reconcile: async (key) => {
      tries.push(key);
      if (tries.length < 3) throw new Error('not yet');
      stop.abort();
      return undefined;
    },
  });
  assert.deepEqual(tries, ['a', 'a', 'a']);
});
