import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Engine } from '../../src/engines/engine.ts';
import { createOciEngine } from '../../src/engines/oci/oci-engine.ts';
import type { Resources } from '../../src/engines/sandbox-spec.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { Box, type EngineHarness, NEVER, until } from '../conformance/engine-harness.ts';
import { Groups, type Version } from './groups.ts';
import { LIMITS } from './protocol.ts';

const MIB = 1024 * 1024;
const HUNGRY = 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo survived; sleep 1000';
const POD: Resources = { memoryBytes: 96 * MIB, cpuLimitMillis: 500, cpuRequestMillis: 250, pids: 64 };
const CONTAINER: Resources = { memoryBytes: 64 * MIB, cpuLimitMillis: 250, cpuRequestMillis: 100 };

/** What the kernel makes of limits, by one version of cgroups: read where the kernel keeps it, not from the engine. */
export function limitTests(harness: EngineHarness, version: Version): void {
  describe(`pod limits, cgroups of version ${version}`, { skip: harness.skip ?? false }, () => {
    let opened: Engine | undefined;
    const engine = () => {
      assert.ok(opened, 'the engine is open');
      return opened;
    };
    const make = (resources: Resources) => Box.make(harness, engine(), { spec: { resources } });
    const onlyIn2 = version === 2 ? {} : { skip: 'cgroups of version 1 have no such thing' };
    before(async () => {
      opened = await harness.open();
    });
    after(async () => {
      await opened?.close();
      await harness.close();
    });

    it(LIMITS.written, async () => {
      await using box = await make(POD);
      await box.start(['/bin/sleep', '1000'], { resources: CONTAINER });
      const groups = new Groups(version, box.spec.id);
      assert.deepEqual(await groups.limits(''), EXPECTED[version].pod);
      assert.deepEqual(await groups.limits(await groups.child()), EXPECTED[version].container);
      if (version === 2) assert.deepEqual(await groups.delegated(), ['cpu', 'memory', 'pids']);
    });

    it(LIMITS.podMemory, async () => {
      await using box = await make({ memoryBytes: 32 * MIB });
      await box.start(['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1']);
      const { exitCode, oomKilled } = await box.exited();
      assert.deepEqual({ exitCode, oomKilled }, { exitCode: 137, oomKilled: true });
    });

    it(LIMITS.together, onlyIn2, async () => {
      await using box = await make({ memoryBytes: 128 * MIB });
      await box.sh(HUNGRY, { resources: { memoryBytes: 32 * MIB } });
      const { exitCode, oomKilled } = await box.exited();
      assert.deepEqual({ exitCode, oomKilled }, { exitCode: 137, oomKilled: true });
      assert.equal((await box.output()).includes('survived'), false);
    });

    it(LIMITS.pids, async () => {
      const most = 24;
      await using box = await make({ memoryBytes: 128 * MIB, pids: most });
      await box.sh('(for i in $(seq 1 40); do sleep 1000 & done); echo done; sleep 1000');
      await until('all that can be is made', async () => (await box.output()).includes('done'));
      const lines = await box.log();
      assert.ok(
        lines.some((line) => line.stream === 'stderr' && /can't fork/.test(line.text)),
        JSON.stringify(lines),
      );
      const pids = (await engine().capabilities.stats?.(box.spec.id, NEVER))?.pids ?? 0;
      assert.ok(pids > most / 2 && pids <= most, `${pids} processes of at most ${most}`);
    });

    it(LIMITS.cpu, async () => {
      await using box = await make({ memoryBytes: 128 * MIB, cpuLimitMillis: 200 });
      await box.sh('while :; do :; done');
      const groups = new Groups(version, box.spec.id);
      const before = await groups.cpu();
      await until('ten periods in which it was held', async () => {
        const { throttled } = await groups.cpu();
        return throttled - before.throttled >= 10;
      });
      const now = await groups.cpu();
      const share = (now.usedNs - before.usedNs) / (now.atNs - before.atNs);
      assert.ok(share > 0.02 && share < 0.3, `it had ${share} of a CPU, and may have 0.2`);
    });

    it(LIMITS.stats, async () => {
      const stats = engine().capabilities.stats;
      assert.ok(stats);
      await using box = await make({ memoryBytes: 128 * MIB });
      await box.sh('dd if=/dev/zero of=/dev/shm/x bs=1M count=16; sleep 99 & sleep 99 & echo up; wait');
      await until('it is up', async () => (await box.output()).includes('up'));
      const groups = new Groups(version, box.spec.id);
      const first = await groups.usage();
      const told = await stats(box.spec.id, NEVER);
      const last = await groups.usage();
      assert.equal(told.pids, 3);
      assert.ok(told.cpuNanoseconds >= first.cpuNs && told.cpuNanoseconds <= last.cpuNs && first.cpuNs > 0);
      // The kernel counts in batches on each CPU.
      assert.ok(Math.abs(told.memoryBytes - last.memoryBytes) < MIB, `${told.memoryBytes} is not near`);
      assert.ok(told.workingSetBytes >= 16 * MIB && told.workingSetBytes <= told.memoryBytes);
    });

    it(LIMITS.inside, async () => {
      await using box = await make(POD);
      const file = version === 2 ? 'memory.max' : 'memory/memory.limit_in_bytes';
      const { out } = await box.result(
        `cat /sys/fs/cgroup/${file}; ls -d /sys/fs/cgroup/* /sys/fs/cgroup/*/*`,
        {
          resources: CONTAINER,
        },
      );
      assert.equal(out.split('\n')[0], String(CONTAINER.memoryBytes));
      assert.doesNotMatch(out, /amphora-test|pod/);
    });

    it(LIMITS.exec, async () => {
      const exec = engine().capabilities.exec;
      assert.ok(exec);
      await using box = await make(POD);
      await box.start(['/bin/sleep', '1000']);
      const stdout = new PassThrough();
      const reading = text(stdout);
      const target = { sandboxId: box.spec.id, container: 'main' };
      const args = ['/bin/sh', '-c', 'echo up; exec sleep 1000'] as const;
      const stop = new AbortController();
      const running = exec(
        target,
        { args, terminal: false },
        { stdout, stderr: new PassThrough() },
        stop.signal,
      );
      const groups = new Groups(version, box.spec.id);
      await until('both are in the cgroup', async () => (await groups.processes()).length === 2);
      stop.abort();
      await assert.rejects(running);
      stdout.end();
      await reading;
    });

    // The kernel itself passes cpu and pids on from a cgroup with processes, for threads.
    it(LIMITS.busy, onlyIn2, async () => {
      const parent = '/amphora-test-busy';
      const folder = join('/sys/fs/cgroup', parent);
      await mkdir(folder);
      const sitter = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
      const gone = once(sitter, 'exit');
      try {
        await writeFile(join(folder, 'cgroup.procs'), String(sitter.pid));
        await refuses(harness, parent);
        const left = await readdir(folder, { withFileTypes: true });
        assert.deepEqual(
          left.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
          [],
        );
      } finally {
        sitter.kill('SIGKILL');
        await gone;
        await rmdir(folder);
      }
    });
  });
}

async function refuses(harness: EngineHarness, cgroupParent: string): Promise<void> {
  const engine = await createOciEngine({
    runtimes: { runc: 'runc' },
    stateDirectory: join(harness.scratch, 'busy/state'),
    runDirectory: join(harness.scratch, 'busy/run'),
    pauseProgram: '/nowhere',
    clock: systemClock,
    log: silentLogger(),
    cgroupParent,
  });
  try {
    await using box = await Box.prepare(harness, engine, { spec: { resources: POD } });
    await assert.rejects(engine.create(box.spec, NEVER), {
      code: 'HostLacks',
      message: /controllers memory .*amphora-test-busy/,
    });
  } finally {
    await engine.close();
  }
}

/** In version 2 a share of 1024 for each CPU becomes a weight as runc reckons it. */
const EXPECTED = {
  1: {
    pod: {
      'memory.limit_in_bytes': String(96 * MIB),
      'cpu.cfs_quota_us': '50000',
      'cpu.shares': '256',
      'pids.max': '64',
    },
    container: {
      'memory.limit_in_bytes': String(64 * MIB),
      'cpu.cfs_quota_us': '25000',
      'cpu.shares': '102',
      'pids.max': 'max',
    },
  },
  2: {
    pod: {
      'memory.max': String(96 * MIB),
      'memory.swap.max': '0',
      'memory.oom.group': '0',
      'cpu.max': '50000 100000',
      'cpu.weight': '10',
      'pids.max': '64',
    },
    container: {
      'memory.max': String(64 * MIB),
      'memory.swap.max': '0',
      'memory.oom.group': '1',
      'cpu.max': '25000 100000',
      'cpu.weight': '4',
      'pids.max': 'max',
    },
  },
} as const;
