import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Engine } from '../../src/engines/engine.ts';
import { Box, type EngineHarness, NEVER, until } from './engine-harness.ts';
import { mountTests } from './engine-mounts.ts';
import { processTests } from './engine-process.ts';
import { recoverTests } from './engine-recover.ts';
import { streamTests } from './engine-streams.ts';

/** What a group of tests works with: the engine is opened once per suite. */
export interface Suite {
  readonly harness: EngineHarness;
  engine(): Engine;
  box: (options?: Parameters<typeof Box.make>[2]) => Promise<Box>;
  /** `{ skip }` with the reason when the engine lacks one of these. */
  needs(...features: ReadonlyArray<keyof EngineHarness['lacks']>): { skip: string | false };
}

/** Registers the whole suite for one engine. */
export function engineConformance(harness: EngineHarness): void {
  describe(`engine ${harness.name}`, { skip: harness.skip ?? false }, () => {
    let engine: Engine | undefined;
    const opened = () => {
      assert.ok(engine, 'the engine is open');
      return engine;
    };
    const suite: Suite = {
      harness,
      engine: opened,
      box: (options) => Box.make(harness, opened(), options),
      needs: (...features) => {
        const lack = features.find((feature) => harness.lacks[feature] !== undefined);
        return { skip: lack === undefined ? false : `${lack}: ${harness.lacks[lack]}` };
      },
    };
    before(async () => {
      engine = await harness.open();
      await engine.recover(NEVER);
    });
    after(async () => {
      await engine?.close();
      await harness.close();
    });
    lifecycleTests(suite);
    processTests(suite);
    streamTests(suite);
    mountTests(suite);
    recoverTests(suite);
  });
}

function lifecycleTests(suite: Suite): void {
  const { harness, box: make } = suite;

  it('fingerprints its class as available', async () => {
    const classes = await suite.engine().fingerprint(AbortSignal.timeout(harness.patienceMs));
    const found = classes.find((one) => one.runtimeClass === harness.runtimeClass);
    assert.ok(found?.available, found?.reason);
    assert.equal(found.reason, '');
    assert.notEqual(found.version, '');
  });

  it('creates, starts, stops and removes, each twice', async () => {
    await using box = await make();
    const { engine, spec } = box;
    await engine.create(spec, NEVER);
    assert.deepEqual((await engine.inspect(spec.id, NEVER))?.containers, []);
    await box.start(['/bin/sleep', '1000']);
    await box.start(['/bin/sleep', '1000']);
    assert.equal((await box.status())?.state, 'running');
    for (let i = 0; i < 2; i++)
      await engine.stop({ sandboxId: spec.id, container: 'main' }, { graceMs: 0 }, NEVER);
    const ended = await box.status();
    assert.equal(ended?.state, 'exited');
    assert.equal(ended.exitCode, 137);
    assert.ok((ended.startedAt ?? 0) <= (ended.finishedAt ?? -1), 'it ended after it started');
    for (let i = 0; i < 2; i++) await engine.remove({ sandboxId: spec.id, container: 'main' }, NEVER);
    assert.equal(await box.status(), undefined);
    for (let i = 0; i < 2; i++) await engine.remove({ sandboxId: spec.id }, NEVER);
    assert.equal(await engine.inspect(spec.id, NEVER), undefined);
    assert.deepEqual(await harness.leftovers(spec.id), []);
  });

  it('removes a sandbox in which something runs, and leaves nothing', async () => {
    await using box = await make({ containers: ['one', 'two'] });
    await box.start(['/bin/sleep', '1000'], { name: 'one' });
    await box.start(['/bin/sleep', '1000'], { name: 'two' });
    assert.notDeepEqual(
      await harness.leftovers(box.spec.id),
      [],
      'the check for leftovers sees a live sandbox',
    );
    await box.engine.remove({ sandboxId: box.spec.id }, NEVER);
    assert.deepEqual(await harness.leftovers(box.spec.id), []);
    assert.equal(
      (await box.engine.list(NEVER)).some((one) => one.id === box.spec.id),
      false,
    );
  });

  it('runs several containers and restarts one of them', async () => {
    await using box = await make({ containers: ['one', 'two'] });
    await box.start(['/bin/sleep', '1000'], { name: 'two' });
    for (const attempt of [0, 1, 2]) {
      await box.sh(`exit ${attempt + 3}`, { name: 'one', attempt });
      assert.equal((await box.exited('one', attempt)).exitCode, attempt + 3);
    }
    const status = (await box.engine.list(NEVER)).find((one) => one.id === box.spec.id);
    assert.equal(status?.phase, 'ready');
    assert.equal(status.podUid, box.spec.podUid);
    const found = status.containers.map(({ name, attempt, state }) => `${name} ${attempt} ${state}`);
    assert.deepEqual(found.sort(), ['one 2 exited', 'two 0 running']);
  });

  it('wakes who listens when a container ends', async () => {
    await using box = await make();
    const stop = new AbortController();
    const seen = new Set<string>();
    const listening = (async () => {
      for await (const id of box.engine.events(stop.signal)) seen.add(id);
    })();
    await box.start(['/bin/sleep', '1000']);
    seen.clear();
    await box.engine.stop({ sandboxId: box.spec.id }, { graceMs: 0 }, NEVER);
    await until('an event of the sandbox', async () => seen.has(box.spec.id));
    stop.abort();
    await listening;
  });

  it('answers undefined for a sandbox nobody made, and NotFound when told to start in it', async () => {
    assert.equal(await suite.engine().inspect('t-nobody-made-this', NEVER), undefined);
    await using box = await Box.prepare(harness, suite.engine());
    await assert.rejects(box.start(['/bin/true']), { code: 'NotFound' });
    await suite.engine().stop({ sandboxId: 't-nobody-made-this' }, { graceMs: 0 }, NEVER);
    await suite.engine().remove({ sandboxId: 't-nobody-made-this' }, NEVER);
  });
}
