import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client, ClientWatchEvent } from '../../client/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { LIMITS } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import type { ControllerParts } from '../controller.ts';
import { eventExpiryController } from './reconcile.ts';

/** A clock that jumps to the end of every sleep. */
function jumpingClock(start: number): Clock {
  let now = start;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
      now += ms;
    },
  };
}

test('events go an hour after they were last written, by name, uid and revision', async () => {
  const start = Date.parse('2026-01-01T12:00:00Z');
  const stop = new AbortController();
  const clock = jumpingClock(start);
  const deleted: { readonly name: string; readonly at: number; readonly body: unknown }[] = [];
  const meta = (name: string, creationTimestamp: string) => ({
    metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '7', creationTimestamp },
  });
  const client = {
    list: async () => ({
      items: [meta('later', '2026-01-01T11:50:00Z'), meta('sooner', '2026-01-01T11:10:00Z')],
      metadata: { resourceVersion: '9' },
    }),
    async *watch(_collection: unknown, _query: unknown, { signal }: { signal: AbortSignal }) {
      yield { type: 'MODIFIED', object: meta('later', '2026-01-01T11:50:00Z') } as ClientWatchEvent<unknown>;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
    delete: async ({ name }: { name: string }, body: unknown) => {
      deleted.push({ name, at: clock.now() - start, body });
      if (deleted.length === 2) stop.abort();
    },
  } as unknown as Client; // Only what is used.
  const parts = { client, clock, log: silentLogger() } as unknown as ControllerParts; // The same.
  await eventExpiryController(parts).run?.(stop.signal);
  assert.deepEqual(
    deleted.map(({ name }) => name),
    ['sooner', 'later'],
  );
  const preconditions = { uid: 'uid-sooner', resourceVersion: '7' };
  assert.deepEqual(deleted[0]?.body, { preconditions });
  const [sooner, later] = deleted.map(({ at }) => at);
  assert.ok(Math.abs((sooner ?? 0) - 10 * 60_000) <= LIMITS.eventExpiryCheckMs, `${sooner}`);
  assert.ok(Math.abs((later ?? 0) - LIMITS.eventLifeMs) <= 2 * LIMITS.eventExpiryCheckMs, `${later}`);
});
