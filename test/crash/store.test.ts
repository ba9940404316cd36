/**
 * Cuts the power under the store: it runs in a QEMU guest, which goes on from one saved moment again and again and is
 * killed at a random one while many writers write. What the guest had flushed is then on its disk, and what it kept in
 * its memory is lost, which killing a process does not show. `AMPHORA_CRASH_ROUNDS` says how often (by itself 200
 * times, among the other tests fewer), `AMPHORA_CRASH_SEED` gives the same writes and moments again.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureGuestKernel, findGuestKernel, type GuestKernel } from '../../src/engines/vm/kernel.ts';
import { measureTsc } from '../../src/engines/vm/qemu.ts';
import { run } from '../../src/lib/run.ts';
import { Random } from '../survival/random.ts';
import { takeStore } from './disk.ts';
import { makeGuestImage } from './guest-image.ts';
import { bootAndSave, runAndKill, type SavedGuest } from './machine.ts';
import type { Mode } from './protocol.ts';
import { Verifier } from './verifier.ts';
import type { Findings } from './verify.ts';

const SEED = Number(process.env.AMPHORA_CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const IS_AMONG_OTHERS = process.env.NODE_TEST_CONTEXT !== undefined;
const ROUNDS = Number(process.env.AMPHORA_CRASH_ROUNDS ?? (IS_AMONG_OTHERS ? 12 : 200));
/** Within which a store that does not flush must have lost something. */
const CARELESS_ROUNDS = 3;
/** Kept between test runs, as the tests of microVMs do. */
const KERNELS = '/var/cache/amphora-test/kernels';
const SIGNAL = new AbortController().signal;

const kernel = await findOrFetchKernel();
describe('a store whose machine loses power', { skip: typeof kernel === 'string' ? kernel : false }, () => {
  let directory: string;
  let saved: SavedGuest;
  const verifier = new Verifier();

  before(async () => {
    assert(typeof kernel === 'object');
    directory = await mkdtemp(join(tmpdir(), 'amphora-crash-'));
    const program = join(directory, 'amphora-guest');
    await run('make', ['-s', '-C', resolve(import.meta.dirname, '../../guest'), `OUTPUT=${program}`]);
    const tscKhz = await measureTsc(program, SIGNAL);
    const image = await makeGuestImage(kernel, directory, SIGNAL);
    saved = await bootAndSave(image, { directory, tscKhz }, SIGNAL);
    console.log(`crash: seed ${SEED}, ${ROUNDS} rounds`);
  });
  after(async () => {
    await verifier[Symbol.asyncDispose]();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  test('loses acknowledged writes if it does not flush, which this test sees', async () => {
    const random = new Random(SEED);
    const found: Findings[] = [];
    while (found.length < CARELESS_ROUNDS && !found.some(hasLost))
      found.push(await crash(saved, { mode: 'careless', random, verifier }));
    assert(found.some(hasLost), `nothing lost in ${CARELESS_ROUNDS} rounds`);
  });

  test(`has every acknowledged write and no half one after ${ROUNDS} crashes`, async (context) => {
    const random = new Random(SEED + 1);
    const rounds: Findings[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const found = await crash(saved, { mode: 'careful', random, verifier });
      assert.deepEqual(found.problems, [], `round ${round} of seed ${SEED}`);
      rounds.push(found);
    }
    const sum = (count: (found: Findings) => number) =>
      rounds.reduce((total, found) => total + count(found), 0);
    const acknowledged = sum((found) => found.acknowledged);
    context.diagnostic(
      [
        `${ROUNDS} crashes, ${acknowledged} acknowledged commits`,
        `${sum(({ untold }) => untold)} more had reached the disk`,
        `${sum(({ compaction }) => Number(compaction === 'under way'))} crashes during a compaction`,
        `${sum(({ compaction }) => Number(compaction === 'done'))} after one`,
      ].join(', '),
    );
    assert(acknowledged >= ROUNDS, 'the writers wrote');
  });
});

function hasLost({ problems }: Findings): boolean {
  return problems.some((problem) => problem.startsWith('lost'));
}

/** One life of the guest, and what is left of its store. */
async function crash(
  saved: SavedGuest,
  options: { mode: Mode; random: Random; verifier: Verifier },
): Promise<Findings> {
  const { mode, random, verifier } = options;
  const directory = await mkdtemp(join(saved.directory, 'round-'));
  try {
    const order = {
      mode,
      seed: random.below(2 ** 31),
      writers: 8 + random.below(25),
      compactAfter: 1 + random.below(20),
    };
    const disk = join(directory, 'disk');
    await run('cp', ['--sparse=always', '--reflink=auto', saved.image.data, disk]);
    // Mostly in the midst of the first writes, sometimes late enough for the compaction to have ended.
    const killAfterMs = 30 + random.below(random.pick([570, 570, 570, 2970]));
    const lines = await runAndKill(saved, { directory, disk, order, killAfterMs }, SIGNAL);
    const store = await takeStore(disk, { mode, directory });
    return await verifier.verify({ directory: store, told: { lines, base: saved.revision } });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Or why this cannot be tested here. */
async function findOrFetchKernel(): Promise<GuestKernel | string> {
  if (process.getuid?.() !== 0) return 'needs root';
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64';
  for (const path of [
    '/usr/bin/qemu-system-x86_64',
    '/usr/sbin/mkfs.ext4',
    '/bin/busybox',
    '/usr/bin/gcc',
    '/usr/bin/make',
  ])
    if (!existsSync(path)) return `needs ${path}`;
  const present = await findGuestKernel(KERNELS);
  if (present !== undefined) return present;
  await mkdir(KERNELS, { recursive: true });
  return await ensureGuestKernel(KERNELS, SIGNAL).catch(
    (error: unknown) => `needs a guest kernel: ${error instanceof Error ? error.message : String(error)}`,
  );
}
