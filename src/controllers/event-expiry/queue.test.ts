import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpiryQueue, lastWritten } from './queue.ts';

function names(queue: ExpiryQueue, now: number): string {
  return queue
    .take(now)
    .map(({ name }) => name)
    .join('');
}

test('what is due is taken, oldest first, and a write puts an object last', () => {
  const queue = new ExpiryQueue();
  for (const [due, name] of ['a', 'b', 'c', 'd'].entries()) queue.add({ name }, due);
  queue.add({ name: 'a' }, 10);
  queue.delete({ name: 'c' });
  assert.equal(names(queue, 5), 'bd');
  assert.equal(names(queue, 9), '');
  assert.equal(names(queue, 10), 'a');
  assert.equal(queue.size, 0);
});

test('the last write is the newest time that an object tells of', () => {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  assert.equal(lastWritten({ name: 'a', creationTimestamp }), Date.parse(creationTimestamp));
  const managedFields = [{ time: '2026-01-02T00:00:00Z' }, {}];
  assert.equal(
    lastWritten({ name: 'a', creationTimestamp, managedFields }),
    Date.parse('2026-01-02T00:00:00Z'),
  );
});
