import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '../client/client.ts';
import type { NodeActions } from '../client/node-actions.ts';
import { makeSampleImage } from '../images/sample.ts';
import { type Layout, readInstanceConfig } from './instance.ts';

const SAMPLE_NAME = 'localhost/amphora/sample:1';

/** Makes the sample image and imports it through the API, as a user would. @returns its name */
export async function importSampleImage(
  layout: Layout,
  connect: () => Promise<Client & NodeActions>,
  signal: AbortSignal,
): Promise<string> {
  const node = (await readInstanceConfig(layout.configFile))?.nodeName ?? '';
  const directory = await mkdtemp(join(tmpdir(), 'amphora-sample-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true }));
  const archive = join(directory, 'sample.tar');
  await makeSampleImage(archive, SAMPLE_NAME);
  const client = stack.adopt(await connect(), (open) => open.close());
  await client.importImage(node, createReadStream(archive), { signal, name: SAMPLE_NAME });
  return SAMPLE_NAME;
}
