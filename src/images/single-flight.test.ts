import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

test('who asks for the same shares the work', async (t) => {
  const flights = new SingleFlight<number>();
  let count = 0;
  const work = async () => ++count;
  const results = await Promise.all([1, 2, 3].map(() => flights.run('key', work, t.signal)));
  assert.deepEqual(results, [1, 1, 1]);
  assert.equal(await flights.run('key', work, t.signal), 2, 'what has ended is done again');
});

test('work is aborted when the last who waits has gone, and the next waits for its end', async (t) => {
  const flights = new SingleFlight<string>();
  const log: string[] = [];
  const { promise: release, resolve } = Promise.withResolvers<void>();
  const slow = async (signal: AbortSignal) => {
    log.push('started');
    signal.addEventListener('abort', () => log.push('aborted'));
    await release;
    log.push('ended');
    return 'slow';
  };
  const [one, two] = [new AbortController(), new AbortController()];
  const first = flights.run('key', slow, one.signal);
  const second = flights.run('key', slow, two.signal);
  one.abort(new Error('one'));
  await assert.rejects(first, /one/);
  assert.deepEqual(log, ['started']);
  two.abort(new Error('two'));
  await assert.rejects(second, /two/);
  assert.deepEqual(log, ['started', 'aborted']);
  const third = flights.run('key', async () => log.push('third').toString(), t.signal);
  resolve();
  await third;
  assert.deepEqual(log, ['started', 'aborted', 'ended', 'third']);
});

test('a failure reaches everybody', async (t) => {
  const flights = new SingleFlight<void>();
  const fail = () => Promise.reject(new Error('no'));
  const results = await Promise.allSettled([1, 2].map(() => flights.run('key', fail, t.signal)));
  assert.ok(results.every((result) => result.status === 'rejected'));
});
