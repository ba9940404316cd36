import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Suite } from './engine.ts';
import { NEVER, until } from './engine-harness.ts';

const OBEDIENT = 'trap "exit 143" TERM; echo up; while true; do sleep 0.1; done';
const DEAF = 'trap "" TERM; echo up; while true; do sleep 0.1; done';

/** Exit codes, what the process is given, and how it is stopped. */
export function processTests(suite: Suite): void {
  const { box: make, needs } = suite;

  it('reports exit codes 0 and 3', async () => {
    await using box = await make();
    assert.equal((await box.result('exit 0')).code, 0);
    assert.equal((await box.result('exit 3', { attempt: 1 })).code, 3);
  });

  it('reports 127 for a missing program and 126 for one that may not run', async () => {
    await using box = await make();
    await assert.rejects(box.start(['/bin/no-such-program']), { code: 'ProcessFailed' });
    const missing = await box.exited();
    assert.equal(missing.exitCode, 127);
    assert.notEqual(missing.message ?? '', '');
    await assert.rejects(box.start(['/etc/not-executable'], { attempt: 1 }), { code: 'ProcessFailed' });
    assert.equal((await box.exited('main', 1)).exitCode, 126);
    assert.equal((await box.result('exit 0', { attempt: 2 })).code, 0);
  });

  it('lets a program end itself within the grace: 143', needs('shell'), async () => {
    await using box = await make();
    await box.sh(OBEDIENT);
    await until('it is up', async () => (await box.output()).includes('up'));
    const began = Date.now();
    await box.engine.stop({ sandboxId: box.spec.id, container: 'main' }, { graceMs: 60_000 }, NEVER);
    assert.ok(Date.now() - began < 30_000, 'it did not wait for the whole grace');
    assert.equal((await box.status())?.exitCode, 143);
  });

  it('kills what is deaf to the stop signal: 137', needs('shell'), async () => {
    await using box = await make();
    await box.sh(DEAF);
    await until('it is up', async () => (await box.output()).includes('up'));
    const began = Date.now();
    await box.engine.stop({ sandboxId: box.spec.id, container: 'main' }, { graceMs: 300 }, NEVER);
    assert.ok(Date.now() - began >= 290, 'it waited for the grace');
    assert.equal((await box.status())?.exitCode, 137);
  });

  it('gives the process its environment and nothing else', needs('shell'), async () => {
    await using box = await make();
    await box.start(['/bin/env']);
    await box.exited();
    const lines = (await box.output())
      .split('\n')
      .filter((line) => !/^(HOSTNAME|HOME|SHLVL|PWD)=|^$/.test(line));
    assert.deepEqual(lines.sort(), ['COLOUR=green', 'PATH=/bin']);
  });

  it('finds a program by PATH, with arguments kept apart', needs('shell'), async () => {
    await using box = await make();
    await box.start(['printf', '<%s>', 'a b', '', '"c"']);
    assert.equal((await box.exited()).exitCode, 0);
    assert.equal(await box.output(), '<a b><><"c">');
  });

  it('sets working directory, user and groups', needs('shell', 'identity'), async () => {
    await using box = await make();
    const { process } = box.container(['x']);
    const user = { uid: 1234, gid: 2345, additionalGids: [3456] };
    const { out } = await box.result('pwd; id -u; id -g; id -G', {
      process: { ...process, args: ['/bin/sh', '-c', 'pwd; id -u; id -g; id -G'], cwd: '/data', user },
    });
    assert.deepEqual(out.split('\n').slice(0, 3), ['/data', '1234', '2345']);
    assert.deepEqual((out.split('\n')[3] ?? '').split(' ').sort(), ['2345', '3456']);
  });

  it('sets host name, hosts and resolver', needs('shell', 'hostname'), async () => {
    await using box = await make();
    const { out } = await box.result('hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf');
    assert.deepEqual(out.split('\n').slice(0, 2), ['conform', 'conform']);
    assert.match(out, /^127\.0\.0\.1\s+localhost/m);
    assert.match(out, /^192\.0\.2\.7\s+seven$/m);
    assert.match(out, /^nameserver 192\.0\.2\.53$/m);
    assert.match(out, /^search example\.test$/m);
    assert.match(out, /^options ndots:5$/m);
  });

  it(
    'shares the host name between the containers of a sandbox, and not their processes',
    needs('shell', 'hostname'),
    async () => {
      await using box = await make({ containers: ['one', 'two'] });
      await box.start(['/bin/sleep', '1234'], { name: 'one' });
      const { out } = await box.result('hostname; cat /proc/[0-9]*/cmdline', { name: 'two' });
      assert.match(out, /^conform\n/);
      assert.equal(out.includes('1234'), false);
    },
  );

  it('keeps what one attempt wrote from the next', needs('shell'), async () => {
    await using box = await make();
    assert.equal((await box.result('echo x > /data/left; cat /data/left')).out, 'x\n');
    assert.equal((await box.result('ls /data', { attempt: 1 })).out, '');
  });

  it('makes a read-only root read-only', needs('shell'), async () => {
    await using box = await make();
    const { code } = await box.result('touch /data/x', { readOnlyRoot: true });
    assert.notEqual(code, 0);
  });

  it('refuses what the default seccomp profile refuses', needs('shell', 'seccomp'), async () => {
    await using box = await make();
    const security = { ...box.container(['x']).security, capabilities: ['CAP_SYS_ADMIN'] };
    const { code, out } = await box.result('mount -t tmpfs none /data 2>&1 && echo mounted', {
      security: { ...security, capabilities: [] },
    });
    assert.notEqual(code, 0);
    assert.equal(out.includes('mounted'), false);
    assert.match((await box.result('cat /proc/self/status', { attempt: 1 })).out, /^Seccomp:\s+2$/m);
  });

  it('ends a process that goes over its memory limit, and says so', needs('shell', 'limits'), async () => {
    await using box = await make();
    await box.start(['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=2'], {
      resources: { memoryBytes: 32 * 1024 * 1024 },
    });
    const status = await box.exited();
    assert.equal(status.exitCode, 137);
    assert.equal(status.oomKilled, true);
  });

  it('counts what a sandbox uses', { skip: false }, async (test) => {
    const stats = suite.engine().capabilities.stats;
    if (stats === undefined) return test.skip('capabilities.stats: the engine counts nothing');
    await using box = await make();
    await box.start(['/bin/sleep', '1000']);
    const first = await stats(box.spec.id, NEVER);
    assert.ok(first.memoryBytes > 0);
    assert.ok(first.workingSetBytes >= 0 && first.pids >= 1);
    assert.ok(first.cpuNanoseconds > 0);
    assert.ok(Math.abs(Date.now() - first.at) < 60_000 || suite.harness.lacks.survivesProcess !== undefined);
  });
}
