import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ensureGuestKernel, findGuestKernel } from '../../src/engines/vm/kernel.ts';
import { measureTsc } from '../../src/engines/vm/qemu.ts';
import { buildGuest, KERNELS } from '../conformance/vm-harness.ts';
import { makeGuestImage, PROGRAMS } from './guest-image.ts';
import { runGuest } from './machine.ts';
import { type Line, wantedNames } from './protocol.ts';

/** The guest's processors are emulated, on a machine that may have other things to do. */
const GUEST_MS = 300_000;
const NEEDED = ['/usr/bin/qemu-system-x86_64', '/usr/bin/mkfs.erofs', '/usr/bin/gcc', '/bin/busybox'];

describe('cgroups of version 2, in a guest with the kernel of Debian', { skip: whyNot() }, () => {
  const results = new Map<string, Line>();
  let directory = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'amphora-cgroup2-'));
    const signal = AbortSignal.timeout(GUEST_MS);
    const clock = join(directory, 'amphora-guest');
    await buildGuest(clock);
    // The package manager takes seconds to say that there is nothing newer.
    const kernel = (await findGuestKernel(KERNELS)) ?? (await ensureGuestKernel(KERNELS, signal));
    const image = await makeGuestImage(kernel, directory, signal);
    const tscKhz = await measureTsc(clock, signal);
    for await (const line of runGuest(image, { directory, tscKhz }, signal)) {
      if ('name' in line) results.set(line.name, line);
    }
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const name of wantedNames()) {
    it(name, (test) => {
      const result = results.get(name);
      if (result !== undefined && 'milliseconds' in result)
        test.diagnostic(`${result.milliseconds} ms in the guest`);
      assert.equal(result?.kind, 'passed', JSON.stringify(result ?? 'the guest did not run it'));
    });
  }

  it('nothing else failed in the guest', () => {
    const wanted = new Set(wantedNames());
    const failed = [...results.values()].filter((line) => line.kind === 'failed' && !wanted.has(line.name));
    assert.deepEqual(failed, []);
  });
});

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (process.arch !== 'x64') return 'the guest is started for x86-64 alone';
  const missing = [...NEEDED, ...Object.values(PROGRAMS)].filter((path) => !existsSync(path));
  return missing.length > 0 ? `needs ${missing.join(', ')}` : false;
}
