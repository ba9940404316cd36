import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../lib/clock.ts';
import { LIMITS } from '../lib/limits.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { WatchEvent } from './registry.ts';
import { bench, configMap, contextOf, kindOf } from './testing/bench.ts';

const configMaps = { kind: kindOf('', 'v1', 'configmaps'), namespace: 'default' };
const WATCH = { resourceVersion: '', allowWatchBookmarks: true };

/** Time that moves when the test says so. */
class SteppedClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  readonly #sleeping = new Set<{ readonly until: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { until: this.#now + ms, wake: resolve };
      this.#sleeping.add(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleeping.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  step(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleeping]) {
      if (sleeper.until > this.#now) continue;
      this.#sleeping.delete(sleeper);
      sleeper.wake();
    }
  }
}

test('a watch that wants bookmarks gets one each interval, with how far it has got', async () => {
  const clock = new SteppedClock();
  const { registry, context } = bench({ clock });
  const abort = new AbortController();
  const events = registry.watch(contextOf([], abort.signal), configMaps, WATCH)[Symbol.asyncIterator]();
  const first = events.next();
  const made = await registry.create(context, configMaps, configMap('a'));
  assert.equal((await first).value?.type, 'ADDED');
  for (const _ of [1, 2]) {
    const next = events.next();
    // The other race, of the watch itself, is entered in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    clock.step(LIMITS.watchBookmarkMs);
    assert.deepEqual(await next, {
      done: false,
      value: { type: 'BOOKMARK', revision: made.revision, initialEventsEnd: false } satisfies WatchEvent,
    });
  }
  abort.abort();
});

test('a watch from a revision that is compacted away ends with Expired at once', async () => {
  const store = createMemoryStore();
  const { registry, context } = bench({ store });
  const first = await registry.create(context, configMaps, configMap('a'));
  await registry.create(context, configMaps, configMap('b'));
  const last = await registry.create(context, configMaps, configMap('c'));
  await store.compact(last.revision - 1, context.signal);
  const abort = new AbortController();
  const from = (revision: number) =>
    registry
      .watch(contextOf([], abort.signal), configMaps, { ...WATCH, resourceVersion: String(revision) })
      [Symbol.asyncIterator]();
  await assert.rejects(from(first.revision).next(), { code: 'Expired' });
  const event = await from(last.revision - 1).next();
  assert.equal(event.value?.type, 'ADDED');
  await assert.rejects(
    registry.list(context, configMaps, {
      resourceVersion: String(first.revision),
      resourceVersionMatch: 'Exact',
    }),
    { code: 'Expired' },
  );
  abort.abort();
});
