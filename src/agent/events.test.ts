import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Client } from '../client/client.ts';
import { systemClock } from '../lib/clock.ts';
import { AmphoraError } from '../lib/errors.ts';
import { silentLogger } from '../lib/log.ts';
import { EventRecorder, type NodeEvent } from './events.ts';
import { MemoryApi } from './testing/memory-api.ts';

const about = { kind: 'Pod', namespace: 'default', name: 'p', uid: 'u' };
const event = (message: string): NodeEvent => ({ about, type: 'Normal', reason: 'Started', message });

async function setUp(context: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-events-'));
  context.after(() => rm(directory, { recursive: true }));
  const api = new MemoryApi();
  const told = () =>
    [...api.objects].flatMap(([path, one]) => (path.startsWith('events/') ? [one.message] : []));
  const recorder = (client: Client, signal: AbortSignal) =>
    new EventRecorder({ client, clock: systemClock, log: silentLogger(), nodeName: 'n', directory, signal });
  const empty = async () => {
    while ((await readdir(directory)).length > 0) await systemClock.sleep(5, AbortSignal.timeout(5000));
  };
  return { api, told, recorder, empty };
}

test('an event waits for an API that is away, and events keep their order', async (context) => {
  const { api, told, recorder, empty } = await setUp(context);
  const client = api.client();
  let away = 2;
  const create: Client['create'] = (collection, object, options) => {
    away -= 1;
    if (away >= 0) throw new AmphoraError('Unavailable', 'nobody answers');
    return client.create(collection, object, options);
  };
  const events = recorder({ ...client, create }, new AbortController().signal);
  assert.equal(await events.record(event('first')), true);
  assert.equal(await events.record(event('second')), true);
  await empty();
  assert.deepEqual(told(), ['first', 'second']);
});

test('what a killed agent could not tell, the next one tells', async (context) => {
  const { api, told, recorder, empty } = await setUp(context);
  const killed = new AbortController();
  const never = { ...api.client(), create: () => new Promise<never>(() => {}) };
  assert.equal(await recorder(never, killed.signal).record(event('kept')), true);
  killed.abort();
  assert.deepEqual(told(), []);
  await recorder(api.client(), new AbortController().signal).resume();
  await empty();
  assert.deepEqual(told(), ['kept']);
});
