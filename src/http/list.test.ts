import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMemoryStore } from '../store/memory.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const store = createMemoryStore();
let fixture: Fixture;
/** The revision after `a`, `b`, `c` were made and before `c` was changed and `d` made. */
let early: string;
before(async () => {
  fixture = await startFixture({ store });
  for (const name of ['a', 'b']) await create(name);
  early = await create('c');
  await fixture.call('PATCH', `${MAPS}/c`, {
    body: { data: { x: '1' } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await create('d');
});
after(() => fixture[Symbol.asyncDispose]());

interface List {
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items?: { metadata: { name: string }; data?: object }[];
  message?: string;
  reason?: string;
  details?: { causes?: { field: string; message: string }[] };
}

async function create(name: string): Promise<string> {
  const answer = await fixture.call('POST', MAPS, { body: { metadata: { name } } });
  assert.equal(answer.status, 201, answer.text);
  return answer.json<{ metadata: { resourceVersion: string } }>().metadata.resourceVersion;
}

async function list(query: string, path = MAPS): Promise<{ status: number; body: List; names: string }> {
  const answer = await fixture.call('GET', `${path}?${query}`);
  const body = answer.json<List>();
  return {
    status: answer.status,
    body,
    names: (body.items ?? []).map((item) => item.metadata.name).join(''),
  };
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list */
const ANSWERED: readonly [query: () => string, names: string][] = [
  [() => '', 'abcd'],
  [() => 'resourceVersion=0', 'abcd'],
  [() => `resourceVersion=${early}`, 'abcd'],
  [() => `resourceVersion=${early}&resourceVersionMatch=NotOlderThan`, 'abcd'],
  [() => 'resourceVersion=0&resourceVersionMatch=NotOlderThan', 'abcd'],
  [() => `resourceVersion=${early}&resourceVersionMatch=Exact`, 'abc'],
  [() => 'limit=2', 'ab'],
  [() => 'limit=9&resourceVersion=0', 'abcd'],
  [() => `limit=9&resourceVersion=${early}`, 'abc'],
  [() => `limit=9&resourceVersion=${early}&resourceVersionMatch=NotOlderThan`, 'abcd'],
  [() => `limit=2&resourceVersion=${early}&resourceVersionMatch=Exact`, 'ab'],
];
for (const [query, names] of ANSWERED)
  test(`a list with ${query()
    .replace(/=undefined/, '=N')
    .replace(/^$/, 'nothing')} has ${names}`, async () => {
    const found = await list(query());
    assert.deepEqual([found.status, found.names], [200, names]);
  });

const FORBIDDEN: readonly [query: string, message: string][] = [
  [
    'resourceVersionMatch=Exact',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    'resourceVersionMatch=Exact&resourceVersion=0',
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  ],
  [
    'resourceVersionMatch=Nearly&resourceVersion=1',
    'resourceVersionMatch: Unsupported value: "Nearly": supported values: "", "Exact", "NotOlderThan"',
  ],
  [
    'resourceVersionMatch=Exact&resourceVersion=1&continue=x',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  ],
  ['sendInitialEvents=true', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
];
for (const [query, message] of FORBIDDEN)
  test(`a list with ${query} is invalid`, async () => {
    const { status, body } = await list(query);
    assert.deepEqual([status, body.message], [422, `ListOptions.meta.k8s.io "" is invalid: ${message}`]);
  });

test('an exact list shows objects as they were', async () => {
  const { body } = await list(`resourceVersion=${early}&resourceVersionMatch=Exact`);
  assert.equal(body.metadata.resourceVersion, early);
  assert.equal(body.items?.[2]?.data, undefined);
});

test('what is no revision, and one that is still to come, are refused', async () => {
  const wrong = await list('resourceVersion=abc');
  assert.deepEqual(
    [wrong.status, wrong.body.message],
    [
      400,
      'invalid resource version: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    ],
  );
  const future = await list('resourceVersion=1000000');
  assert.deepEqual([future.status, future.body.reason], [504, 'Timeout']);
  assert.match(future.body.message ?? '', /^Too large resource version: 1000000, current: \d+$/);
});

test('a list goes on where it was, as it was, while others write', async () => {
  const first = await list('limit=2');
  assert.equal(first.body.metadata.remainingItemCount, 2);
  await fixture.call('DELETE', `${MAPS}/c`);
  await create('bb');
  const token = first.body.metadata.continue ?? '';
  const second = await list(`limit=1&continue=${token}`);
  assert.equal(second.names, 'c');
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const third = await list(`continue=${second.body.metadata.continue}`);
  assert.deepEqual([third.names, third.body.metadata.continue], ['d', undefined]);
  const both = await list(`continue=${token}&resourceVersion=5`);
  assert.deepEqual(
    [both.status, both.body.message],
    [400, 'specifying resource version is not allowed when using continue'],
  );
});

test('a list whose revision is gone may go on at the newest one', async () => {
  const first = await list('limit=1');
  const last = Number(await create('e'));
  await create('f');
  await store.compact(last, AbortSignal.timeout(5000));
  const expired = await list(`limit=1&continue=${first.body.metadata.continue}`);
  assert.deepEqual([expired.status, expired.body.reason], [410, 'Expired']);
  assert.match(expired.body.message ?? '', /^The provided continue parameter is too old/);
  const rest = await list(`continue=${expired.body.metadata.continue}`);
  assert.deepEqual([rest.status, rest.names], [200, 'bbbdef']);
  const exact = await list(`resourceVersion=${early}&resourceVersionMatch=Exact`);
  assert.deepEqual(
    [exact.status, exact.body.message],
    [410, 'The resourceVersion for the provided list is too old.'],
  );
});

test('a continue token of another namespace reads nothing between the two', async () => {
  await fixture.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'zoo' } } });
  const all = await list('limit=1', '/api/v1/configmaps');
  const elsewhere = await list(`continue=${all.body.metadata.continue}`, '/api/v1/namespaces/zoo/configmaps');
  assert.equal(elsewhere.status, 400);
  assert.match(elsewhere.body.message ?? '', /^continue key is not valid/);
});
