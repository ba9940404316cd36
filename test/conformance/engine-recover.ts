import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import type { Suite } from './engine.ts';
import { Box, NEVER, until } from './engine-harness.ts';

const COUNT = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo line $i; sleep 0.02; done; exit 9';

/** What must hold when the platform dies and comes back. */
export function recoverTests(suite: Suite): void {
  const { harness, box: make, needs } = suite;

  it('a new engine adopts what runs and what has ended', needs('survivesProcess'), async () => {
    await using box = await make({ containers: ['one', 'two'] });
    await box.start(['/bin/sleep', '1000'], { name: 'one' });
    await box.sh('exit 7', { name: 'two' });
    await box.exited('two');
    const second = await harness.open();
    try {
      await second.recover(NEVER);
      const status = await second.inspect(box.spec.id, NEVER);
      const found = status?.containers.map(({ name, state, exitCode }) => `${name} ${state} ${exitCode}`);
      assert.deepEqual(found?.sort(), ['one running undefined', 'two exited 7']);
      await second.stop({ sandboxId: box.spec.id, container: 'one' }, { graceMs: 0 }, NEVER);
      await second.remove({ sandboxId: box.spec.id }, NEVER);
      assert.deepEqual(await harness.leftovers(box.spec.id), []);
    } finally {
      await second.close();
    }
  });

  it('loses no line and no exit code when the process is killed', needs('survivesProcess'), async (test) => {
    if (harness.child === undefined) return test.skip('the harness has no module for a child');
    await using box = await Box.prepare(harness, suite.engine());
    const container = box.container(['/bin/sh', '-c', COUNT]);
    const order = JSON.stringify({ ...harness.child, spec: box.spec, container });
    const script = new URL('./engine-child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, order], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until('the child has started it', async () => said.includes('started') || child.exitCode !== null);
    assert.match(said, /started/);
    child.kill('SIGKILL');
    await exit;
    await using second = await reopened(suite);
    await second.engine.recover(NEVER);
    box.engine = second.engine;
    assert.equal((await box.exited()).exitCode, 9);
    const expected = Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join('');
    assert.equal(await box.output(), expected);
    await second.engine.remove({ sandboxId: box.spec.id }, NEVER);
    assert.deepEqual(await harness.leftovers(box.spec.id), []);
    box.engine = suite.engine();
  });

  it(
    'a kill at any moment of create and start leaves nothing that cannot be removed',
    needs('survivesProcess'),
    async (test) => {
      if (harness.child === undefined) return test.skip('the harness has no module for a child');
      for (const after of [0, 15, 40, 80]) {
        await using box = await Box.prepare(harness, suite.engine());
        const container = box.container(['/bin/sleep', '1000']);
        const order = JSON.stringify({ ...harness.child, spec: box.spec, container });
        const script = new URL('./engine-child.ts', import.meta.url).pathname;
        const child = spawn(process.execPath, [script, order], { stdio: ['ignore', 'pipe', 'inherit'] });
        const exit = once(child, 'exit');
        let said = '';
        let heardAt = 0;
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          heardAt ||= Date.now();
        });
        await until('the moment', async () => said.includes('opened') && Date.now() - heardAt >= after);
        child.kill('SIGKILL');
        await exit;
        await using second = await reopened(suite);
        await second.engine.recover(NEVER);
        await second.engine.remove({ sandboxId: box.spec.id }, NEVER);
        await until('nothing is left', async () => (await harness.leftovers(box.spec.id)).length === 0);
      }
    },
  );
}

async function reopened(suite: Suite) {
  const engine = await suite.harness.open();
  return { engine, [Symbol.asyncDispose]: () => engine.close() };
}
