import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../lib/log.ts';
import { createCniNetwork } from './cni-network.ts';

test('a record that a crash cut short is removed, and whole ones stay', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-cni-'));
  context.after(() => rm(directory, { recursive: true }));
  const records = join(directory, 'attachments');
  await mkdir(records);
  await writeFile(join(records, 'a-0.json'), '{}');
  await writeFile(join(records, 'b-0.json.0123456789ab.tmp'), '{"requ');
  const network = await createCniNetwork({
    binDirectories: [],
    stateDirectory: directory,
    runDirectory: join(directory, 'netns'),
    log: silentLogger(),
  });
  assert.deepEqual(await readdir(records), ['a-0.json']);
  assert.deepEqual(await network.list(AbortSignal.timeout(1000)), ['a-0']);
});
