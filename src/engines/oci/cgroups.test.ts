import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { Cgroups, podLimits } from './cgroups.ts';

const LIMITS = { memoryBytes: 2 ** 26, cpuLimitMillis: 500, cpuRequestMillis: 250, pids: 100 };

/** A directory with the files that cgroup2fs has; the kernel's own behaviour is left out. */
async function imitation(context: TestContext): Promise<{ root: string; cgroups: Cgroups }> {
  const root = await mkdtemp(join(tmpdir(), 'amphora-cgroup2-'));
  context.after(() => rm(root, { recursive: true }));
  for (const path of ['', 'amphora', 'amphora/podp-0']) {
    await mkdir(join(root, path), { recursive: true });
    await writeFile(join(root, path, 'cgroup.controllers'), 'cpuset cpu memory pids\n');
  }
  // The kernel puts these there with the directory; what it lacks is never made.
  for (const file of Object.keys(podLimits(2, LIMITS)))
    await writeFile(join(root, 'amphora/podp-0', file), '');
  return { root, cgroups: await Cgroups.probe(root, '/amphora', systemClock) };
}

test('version 2 is told by its controllers file', async (context) => {
  const { cgroups } = await imitation(context);
  assert.equal(cgroups.version, 2);
  assert.equal(cgroups.pathOf('p-0'), '/amphora/podp-0');
});

test('limits of a pod are written to the files of version 2', async (context) => {
  const { root, cgroups } = await imitation(context);
  await cgroups.create('p-0', LIMITS);
  const read = (file: string) => readFile(join(root, 'amphora/podp-0', file), 'utf8');
  assert.equal(await read('memory.max'), String(2 ** 26));
  assert.equal(await read('cpu.max'), '50000 100000');
  assert.equal(await read('pids.max'), '100');
  assert.equal(await read('cpu.weight'), '10');
  // Each level must hand its controllers down, or the children have no limits.
  for (const path of ['', 'amphora', 'amphora/podp-0'])
    assert.match(await readFile(join(root, path, 'cgroup.subtree_control'), 'utf8'), /^\+/);
});

test('use is read from the files of version 2', async (context) => {
  const { root, cgroups } = await imitation(context);
  const base = join(root, 'amphora/podp-0');
  await writeFile(join(base, 'memory.current'), '5000000\n');
  await writeFile(join(base, 'memory.stat'), 'anon 3000000\ninactive_file 1000000\n');
  await writeFile(join(base, 'cpu.stat'), 'usage_usec 1234\nuser_usec 1000\n');
  await writeFile(join(base, 'pids.current'), '3\n');
  const { at, ...use } = await cgroups.stats('p-0');
  assert(at > 0);
  assert.deepEqual(use, { memoryBytes: 5e6, workingSetBytes: 4e6, cpuNanoseconds: 1_234_000, pids: 3 });
});

test('a container killed for want of memory is known by memory.events', async (context) => {
  const { root, cgroups } = await imitation(context);
  const base = join(root, 'amphora/podp-0/c');
  await mkdir(base);
  await writeFile(join(base, 'memory.events'), 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\n');
  assert.equal(await cgroups.oomKilled('p-0', 'c'), false);
  await writeFile(join(base, 'memory.events'), 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n');
  assert.equal(await cgroups.oomKilled('p-0', 'c'), true);
  assert.equal(await cgroups.oomKilled('p-0', 'absent'), false);
});

test('processes are found at every level', async (context) => {
  const { root, cgroups } = await imitation(context);
  await mkdir(join(root, 'amphora/podp-0/c/inner'), { recursive: true });
  await writeFile(join(root, 'amphora/podp-0/cgroup.procs'), '');
  await writeFile(join(root, 'amphora/podp-0/c/cgroup.procs'), '11\n12\n');
  await writeFile(join(root, 'amphora/podp-0/c/inner/cgroup.procs'), '13\n');
  assert.deepEqual([...(await cgroups.processes('p-0'))].sort(), [11, 12, 13]);
});

test('limits have their names and values in both versions', () => {
  assert.deepEqual(podLimits(1, LIMITS), {
    'memory.limit_in_bytes': String(2 ** 26),
    'cpu.shares': '256',
    'cpu.cfs_quota_us': '50000',
    'pids.max': '100',
  });
  assert.deepEqual(podLimits(2, {}), {});
  assert.deepEqual(podLimits(2, { cpuRequestMillis: 1 }), { 'cpu.weight': '1' });
  assert.deepEqual(podLimits(2, { cpuRequestMillis: 256_000 }), { 'cpu.weight': '10000' });
});
