import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../api/types.generated.ts';
import { systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { silentLogger } from '../lib/log.ts';
import { bench } from '../registry/testing/bench.ts';
import type { Client } from './client.ts';
import { createInProcessClient } from './in-process-client.ts';
import { runElected } from './leader-election.ts';

const TIMES = { leaseMs: 1000, renewMs: 400, retryMs: 50 };
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  resource: 'leases',
  namespace: 'kube-system',
  name: 'work',
};
const DEADLINE_MS = 10_000;

test('one of several works; when it stops cleanly another takes over without waiting for the lease to end', async () => {
  const world = createWorld();
  const [a, b] = [world.start('a'), world.start('b')];
  await world.until(() => world.working.size === 1);
  const first = world.working.has('a') ? a : b;
  const other = first === a ? 'b' : 'a';
  const before = performance.now();
  await first.stop();
  await world.until(() => world.working.has(other));
  assert.ok(performance.now() - before < TIMES.leaseMs, 'it was released');
  const lease = await world.lease();
  assert.equal(lease.spec?.holderIdentity, other);
  assert.equal(lease.spec?.leaseTransitions, 1);
  await Promise.all([a.stop(), b.stop()]);
  assert.equal((await world.lease()).spec?.holderIdentity, undefined);
  assert.equal(world.most, 1, 'never did two work at once');
});

test('a leader that cannot renew stops before another starts, and is a candidate again', async () => {
  const world = createWorld();
  const a = world.start('a');
  await world.until(() => world.working.has('a'));
  const b = world.start('b');
  world.cutOff.add('a');
  await world.until(() => world.working.has('b'));
  assert.equal(world.most, 1, 'never did two work at once');
  world.cutOff.delete('a');
  await b.stop();
  await world.until(() => world.working.has('a'));
  await a.stop();
});

test('a leader whose lease another took stops', async () => {
  const world = createWorld();
  const a = world.start('a');
  await world.until(() => world.working.has('a'));
  const patch = { spec: { holderIdentity: 'thief', leaseDurationSeconds: 3600 } };
  await world.admin.patch(LEASE, { type: 'merge', body: patch });
  await world.until(() => !world.working.has('a'));
  await a.stop();
  assert.equal((await world.lease()).spec?.holderIdentity, 'thief');
});

test('what the work throws comes out, and work that goes on without its lease is an error', async () => {
  const world = createWorld();
  const failing = runElected(
    world.options('a'),
    () => Promise.reject(new Error('broken')),
    new AbortController().signal,
  );
  await assert.rejects(failing, /broken/);
  const deaf = runElected(
    world.options('b'),
    () => {
      world.cutOff.add('b');
      return new Promise(() => {});
    },
    new AbortController().signal,
  );
  await assert.rejects(deaf, /goes on without its lease/);
});

/** Candidates over one store, and who works. */
function createWorld() {
  const { registry } = bench();
  const authorizer = { authorize: async () => ({ allowed: true, reason: '' }) };
  const admin = createInProcessClient({
    registry,
    authorizer,
    user: { name: 'admin', uid: '', groups: [], extra: {} },
  });
  const working = new Set<string>();
  const cutOff = new Set<string>();
  const world = { admin, working, cutOff, most: 0 };
  const reach = (identity: string): Client => ({
    ...admin,
    get: (...args) => gate(identity, () => admin.get(...args)),
    create: (...args) => gate(identity, () => admin.create(...args)),
    update: (...args) => gate(identity, () => admin.update(...args)),
  });
  const gate = async <T>(identity: string, call: () => Promise<T>): Promise<T> => {
    if (cutOff.has(identity)) throw new AmphoraError('Unavailable', 'cut off');
    return await call();
  };
  const options = (identity: string) => ({
    client: reach(identity),
    clock: systemClock,
    log: silentLogger(),
    namespace: LEASE.namespace,
    name: LEASE.name,
    identity,
    times: TIMES,
  });
  return Object.assign(world, {
    options,
    lease: () => admin.get<Lease>(LEASE),
    start(identity: string) {
      const stop = new AbortController();
      const ended = runElected(
        options(identity),
        async (signal) => {
          working.add(identity);
          world.most = Math.max(world.most, working.size);
          await systemClock.sleep(DEADLINE_MS, signal).catch(() => {});
          working.delete(identity);
        },
        stop.signal,
      );
      return {
        stop: async () => {
          stop.abort();
          await ended;
        },
      };
    },
    async until(holds: () => boolean) {
      const deadline = Date.now() + DEADLINE_MS;
      while (!holds()) {
        assert.ok(Date.now() < deadline, 'not in time');
        await systemClock.sleep(5);
      }
    },
  });
}
