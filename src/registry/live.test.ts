import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { Store } from '../store/store.ts';
import { createLiveView } from './live.ts';
import { bench, configMap, kindOf } from './testing/bench.ts';

const target = { kind: kindOf('', 'v1', 'configmaps'), namespace: 'default' };
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function setUp(store?: Store) {
  const { registry, context } = bench(store === undefined ? {} : { store });
  const live = createLiveView({ registry: () => registry, clock: systemClock, log: silentLogger() });
  const stop = new AbortController();
  return { registry, context, live, stop };
}

test('what is there is loaded; a write is seen in the next turn of the loop', async () => {
  const { registry, context, live, stop } = await setUp();
  await registry.create(context, target, configMap('a'));
  const maps = live.of('configmaps');
  assert.equal(maps.get('default', 'a'), undefined);
  await live.load(stop.signal);
  assert.equal(maps.get('default', 'a')?.metadata.name, 'a');
  const following = live.follow(stop.signal);
  const told: string[] = [];
  maps.listen((object, gone) => told.push(`${gone ? '-' : '+'}${object.metadata.name}`));
  await registry.create(context, target, configMap('b'));
  await turn();
  assert.deepEqual([...maps.values()].map((object) => object.metadata.name).sort(), ['a', 'b']);
  const before = maps.version;
  await registry.update(context, { ...target, name: 'b' }, configMap('b', { key: 'x' }));
  await turn();
  assert.deepEqual(maps.get('default', 'b')?.data, { key: 'x' });
  assert.equal(maps.version, before + 1);
  await registry.delete(context, { ...target, name: 'a' }, {});
  await turn();
  assert.equal(maps.get('default', 'a'), undefined);
  assert.deepEqual(told, ['+a', '+b', '+b', '-a']);
  stop.abort();
  await following;
});

test('what is asked for later is followed too, and only what is asked for is read', async () => {
  const memory = createMemoryStore();
  const read: string[] = [];
  const store: Store = {
    revision: (signal) => memory.revision(signal),
    get: (key, options) => memory.get(key, options),
    list: (range, options) => {
      read.push(range.resource);
      return memory.list(range, options);
    },
    commit: (changes, signal) => memory.commit(changes, signal),
    watch: (range, from, signal) => memory.watch(range, from, signal),
    compact: (revision, signal) => memory.compact(revision, signal),
    close: () => memory.close(),
  };
  const { registry, context, live, stop } = await setUp(store);
  await live.load(stop.signal);
  const following = live.follow(stop.signal);
  await registry.create(context, target, configMap('a'));
  assert.deepEqual(read, []);
  const maps = live.of('configmaps');
  assert.equal(live.of('configmaps'), maps);
  await maps.loaded;
  assert.equal(maps.get('default', 'a')?.metadata.name, 'a');
  assert.deepEqual(read, ['configmaps']);
  stop.abort();
  await following;
});

test('a watch that was lost is taken up again with a list', async () => {
  const memory = createMemoryStore();
  let watches = 0;
  const broken = new AbortController();
  const store: Store = Object.assign(Object.create(memory) as Store, {
    get: memory.get.bind(memory),
    list: memory.list.bind(memory),
    commit: memory.commit.bind(memory),
    async *watch(...[range, from, signal]: Parameters<Store['watch']>) {
      watches += 1;
      if (watches > 1) return yield* memory.watch(range, from, signal);
      await new Promise((resolve) => broken.signal.addEventListener('abort', resolve, { once: true }));
      throw new Error('the store went away');
    },
  });
  const { registry, context, live, stop } = await setUp(store);
  await registry.create(context, target, configMap('a'));
  const maps = live.of('configmaps');
  await live.load(stop.signal);
  const following = live.follow(stop.signal);
  const seen = Promise.withResolvers<void>();
  maps.listen((object) => object.metadata.name === 'b' && seen.resolve());
  await registry.create(context, target, configMap('b'));
  await registry.delete(context, { ...target, name: 'a' }, {});
  broken.abort();
  await seen.promise;
  assert.deepEqual(
    [...maps.values()].map((object) => object.metadata.name),
    ['b'],
  );
  stop.abort();
  await following;
});
