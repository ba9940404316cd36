import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createImages, type ImagesOptions } from '../../src/images/create-images.ts';
import type { Images } from '../../src/images/images.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';

/** Why a test that unpacks cannot run here, or false. */
export const NEEDS_ROOT = process.getuid?.() === 0 ? false : 'unpacking sets owners: needs root';

export interface Fixture {
  readonly folder: string;
  readonly state: string;
  readonly images: Images;
  readonly signal: AbortSignal;
}

/** A store in a folder of its own that goes away with the test. */
export async function fixture(t: TestContext, options: Partial<ImagesOptions> = {}): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-images-'));
  const state = join(folder, 'state');
  const platform = { os: 'linux', architecture: 'amd64' };
  const images = createImages({
    directory: state,
    clock: hastyClock,
    log: silentLogger(),
    platform,
    ...options,
  });
  t.after(async () => {
    await images.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, state, images, signal: t.signal };
}

/** Real time, but who sleeps does not wait long. */
export const hastyClock: Clock = {
  now: systemClock.now,
  sleep: (_ms, signal) => systemClock.sleep(1, signal),
};
