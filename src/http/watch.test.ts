import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import { createProtobufCodec } from '../api/protobuf/codec.ts';
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

const MATCH = 'resourceVersionMatch: Forbidden:';
for (const [query, message] of [
  [
    'sendInitialEvents=true',
    `${MATCH} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
  ],
  [
    'sendInitialEvents=true&resourceVersionMatch=Exact',
    `[${MATCH} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
  [
    'resourceVersionMatch=NotOlderThan',
    `${MATCH} resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
  ],
] as const)
  test(`a watch with ${query} is refused`, async () => {
    const answer = await fixture.call('GET', `${MAPS}?watch=1&${query}`);
    assert.deepEqual(
      [answer.status, answer.json().message],
      [422, `ListOptions.meta.k8s.io "" is invalid: ${message}`],
    );
  });

test('the bookmark that ends what was there says what an empty list looks like', async () => {
  const events = await watch(
    'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
  );
  const blueprint =
    events.at(-1)?.object.metadata.annotations?.['kubernetes.io/initial-events-list-blueprint'];
  const list = JSON.parse(Buffer.from(blueprint ?? '', 'base64').toString());
  assert.deepEqual(list, { kind: 'ConfigMapList', apiVersion: 'v1', metadata: {}, items: [] });
});

test('a watch that wants no initial events, or no bookmarks, gets none', async () => {
  const types = async (query: string) => (await watch(query)).map(({ type }) => type).join();
  const match = 'resourceVersionMatch=NotOlderThan';
  assert.equal(await types(`sendInitialEvents=false&${match}&allowWatchBookmarks=true`), '');
  assert.equal(await types(`sendInitialEvents=true&${match}`), 'ADDED');
});

test('the deprecated paths below watch/ watch: a collection, or one object', async () => {
  await create('other');
  const names = async (path: string) => {
    const answer = await fixture.call('GET', `/api/v1/watch/${path}?timeoutSeconds=1`);
    assert.equal(answer.status, 200, answer.text);
    const lines = answer.text.split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as Event).object.metadata.name).join();
  };
  assert.equal(await names('namespaces/default/configmaps'), 'other,there');
  assert.equal(await names('namespaces/default/configmaps/other'), 'other');
  assert.equal(await names('configmaps'), 'other,there');
  assert.equal(await names('namespaces/default'), 'default');
  const wrong = await fixture.call('DELETE', '/api/v1/watch/namespaces/default/configmaps');
  assert.equal(wrong.status, 405);
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

test('a client that takes only protobuf watches in it', async () => {
  const path =
    '/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dpacked';
  const accept = 'application/vnd.kubernetes.protobuf;stream=watch';
  const answer = fixture.call('GET', path, { headers: { accept } });
  await fixture.call('POST', '/api/v1/namespaces/default/configmaps', {
    body: { metadata: { name: 'packed' } },
  });
  const { bytes, headers } = await answer;
  assert.equal(headers['content-type'], accept);
  const reader = protobuf.Reader.create(bytes.subarray(4, 4 + bytes.readUInt32BE(0)));
  assert.equal(reader.uint32(), 0x0a);
  assert.equal(reader.string(), 'ADDED');
  assert.equal(reader.uint32(), 0x12);
  reader.uint32();
  assert.equal(reader.uint32(), 0x0a);
  const object = createProtobufCodec().decode(reader.bytes()) as { kind: string; metadata: { name: string } };
  assert.deepEqual([object.kind, object.metadata.name], ['ConfigMap', 'packed']);
  const refused = await fixture.call('GET', path, { headers: { accept: 'application/yaml' } });
  assert.equal(refused.status, 406);
});
