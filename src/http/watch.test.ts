import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMemoryStore } from '../store/memory.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const store = createMemoryStore();
let fixture: Fixture;
before(async () => {
  fixture = await startFixture({ store });
});
after(() => fixture[Symbol.asyncDispose]());

interface Event {
  type: string;
  object: {
    metadata: { name?: string; annotations?: Record<string, string> };
    code?: number;
    reason?: string;
  };
}

async function watch(query: string): Promise<Event[]> {
  const answer = await fixture.call('GET', `${MAPS}?watch=1&timeoutSeconds=1&${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

async function create(name: string): Promise<string> {
  const answer = await fixture.call('POST', MAPS, { body: { metadata: { name } } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ metadata: { resourceVersion: string } }>().metadata.resourceVersion;
}

test('a watch may begin with what is there, and marks where that ends', async () => {
  await create('there');
  const events = await watch(
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
  );
  assert.deepEqual(
    events.map(({ type, object }) => [
      type,
      object.metadata.name ?? object.metadata.annotations?.['k8s.io/initial-events-end'],
    ]),
    [
      ['ADDED', 'there'],
      ['BOOKMARK', 'true'],
    ],
  );
});

for (const query of [
  'sendInitialEvents=true',
  'sendInitialEvents=true&resourceVersionMatch=Exact',
  'resourceVersionMatch=NotOlderThan',
])
  test(`a watch with ${query} is refused`, async () => {
    const answer = await fixture.call('GET', `${MAPS}?watch=1&${query}`);
    assert.deepEqual([answer.status, answer.json().reason], [422, 'Invalid'], answer.text);
  });

test('a watch from a compacted revision is told 410 Expired', async () => {
  const old = await create('old');
  await create('newer');
  const last = await create('newest');
  await store.compact(Number(last), AbortSignal.timeout(5000));
  const answer = await fixture.call('GET', `${MAPS}?watch=1&timeoutSeconds=1&resourceVersion=${old}`);
  const told = JSON.parse(answer.text.split('\n')[0] ?? '');
  const status = answer.status === 200 ? told.object : told;
  assert.deepEqual([status.code, status.reason], [410, 'Expired'], answer.text);
});

test('a watch ends when its time is over', async () => {
  const start = performance.now();
  assert.deepEqual(await watch(`resourceVersion=${await create('late')}`), []);
  assert.ok(performance.now() - start >= 900);
});
