import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AmphoraError, isCode } from '../../src/lib/errors.ts';
import { LIMITS } from '../../src/lib/limits.ts';
import type { Change, Store, StoreKey, WatchBatch } from '../../src/store/store.ts';
import { describeEvent, follow } from './follow.ts';

export interface StoreHarness {
  readonly name: string;
  /** A reason, for a driver whose server is not installed. */
  readonly skip?: string;
  /** A new, empty store. */
  open(): Promise<Store>;
  /** The same data again, by a new store, for drivers that keep it. */
  reopen?(store: Store): Promise<Store>;
  close(): Promise<void>;
}

const signal = AbortSignal.timeout(5 * 60_000);
const read = { signal };

/** What every store does; see `src/store/store.ts`. */
export function storeConformance(harness: StoreHarness): void {
  describe(`store ${harness.name}`, { skip: harness.skip ?? false }, () => {
    let store: Store;
    before(async () => {
      store = await harness.open();
    });
    after(async () => {
      await store.close();
      await harness.close();
    });
    writing(() => store);
    listing(() => store);
    watching(() => store);
    compacting(() => store);
    if (harness.reopen !== undefined) reopening(harness, harness.reopen.bind(harness));
  });
}

function writing(store: () => Store): void {
  test('revisions grow, and an object carries that of its last change', async () => {
    const first = await put(store(), 'w/a', 'one');
    const second = await put(store(), 'w/a', 'two');
    assert.ok(second > first);
    const found = await store().get(key('w/a'), read);
    assert.deepEqual([found?.bytes.toString(), found?.revision], ['two', second]);
    assert.ok((await store().revision(signal)) >= second);
  });

  test('what must not exist, or must be unchanged, is checked', async () => {
    const revision = await put(store(), 'w/cas', 'one', 0);
    await refused(put(store(), 'w/cas', 'again', 0));
    await refused(put(store(), 'w/cas', 'stale', revision + 1000));
    const next = await put(store(), 'w/cas', 'two', revision);
    await refused(put(store(), 'w/cas', 'stale', revision));
    await refused(store().commit([{ key: key('w/cas'), expected: revision }], signal));
    await store().commit([{ key: key('w/cas'), expected: next }], signal);
    assert.equal(await store().get(key('w/cas'), read), undefined);
    await refused(put(store(), 'w/cas', 'gone', next));
  });

  test('an object that is too large is refused', async () => {
    const bytes = Buffer.alloc(LIMITS.objectBytes + 1);
    await assert.rejects(store().commit([{ key: key('w/large'), bytes }], signal), (error) =>
      isCode(error, 'TooLarge'),
    );
    assert.equal(await store().get(key('w/large'), read), undefined);
  });

  test('several changes are made together or not at all', async () => {
    const there = await put(store(), 'w/there', 'x');
    const changes: Change[] = [
      { key: key('w/m1'), bytes: Buffer.from('1'), expected: 0 },
      { key: key('w/m2'), bytes: Buffer.from('2'), expected: 0 },
      { key: key('w/there'), expected: there + 999 },
    ];
    await refused(store().commit(changes, signal));
    assert.equal(await store().get(key('w/m1'), read), undefined);
    const { revision } = await store().commit(changes.slice(0, 2), signal);
    const both = await Promise.all(['w/m1', 'w/m2'].map((name) => store().get(key(name), read)));
    assert.deepEqual(
      both.map((found) => found?.revision),
      [revision, revision],
    );
  });

  test('of many writers from one revision one wins each round', async () => {
    let revision = await put(store(), 'w/race', '0');
    for (let round = 1; round <= 3; round += 1) {
      const tries = Array.from({ length: 64 }, (_, writer) =>
        put(store(), 'w/race', `${round}.${writer}`, revision),
      );
      const results = await Promise.allSettled(tries);
      const won = results.filter((result) => result.status === 'fulfilled');
      assert.equal(won.length, 1);
      for (const result of results)
        assert.ok(result.status === 'fulfilled' || isCode(result.reason, 'Conflict'));
      revision = won[0]?.value ?? 0;
    }
  });
}

function listing(store: () => Store): void {
  test('a list is in order, by namespace, and by pages that are exact at one revision', async () => {
    for (const name of ['b/2', 'a/1', 'b/1', 'c/1', 'a/2']) await put(store(), `l-${name}`, name, 0, 'lists');
    await put(store(), 'l-a/1', 'other', undefined, 'lists.more');
    const all = await store().list({ resource: 'lists' }, read);
    assert.deepEqual(names(all.items), ['l-a/1', 'l-a/2', 'l-b/1', 'l-b/2', 'l-c/1']);
    assert.equal(all.more, false);
    assert.deepEqual(names((await store().list({ resource: 'lists', namespace: 'l-b' }, read)).items), [
      'l-b/1',
      'l-b/2',
    ]);
    const first = await store().list({ resource: 'lists', limit: 2 }, read);
    assert.deepEqual([names(first.items), first.more], [['l-a/1', 'l-a/2'], true]);
    await put(store(), 'l-b/0', 'late', 0, 'lists');
    const rest = await store().list(
      { resource: 'lists', after: { namespace: 'l-a', name: '2' }, limit: 10 },
      { ...read, revision: first.revision },
    );
    assert.deepEqual(
      [names(rest.items), rest.more, rest.revision],
      [['l-b/1', 'l-b/2', 'l-c/1'], false, first.revision],
    );
  });

  test('a list at an old revision shows what was then', async () => {
    const first = await put(store(), 'o/a', 'old', 0, 'olds');
    const revision = await put(store(), 'o/b', 'old', 0, 'olds');
    await put(store(), 'o/a', 'new', undefined, 'olds');
    await store().commit([{ key: key('o/b', 'olds') }], signal);
    await put(store(), 'o/c', 'new', 0, 'olds');
    await put(store(), 'o/a', 'newest', undefined, 'olds');
    const then = await store().list({ resource: 'olds' }, { ...read, revision });
    assert.deepEqual(
      then.items.map((item) => `${item.key.name}=${item.bytes}@${item.revision}`),
      [`a=old@${first}`, `b=old@${revision}`],
    );
    assert.equal((await store().get(key('o/a', 'olds'), { ...read, revision }))?.bytes.toString(), 'old');
  });

  test('pages at one revision are those of one list, whatever is written between them', async () => {
    const name = (index: number) => `pg/${String(index).padStart(2, '0')}`;
    for (let index = 0; index < 40; index += 2) await put(store(), name(index), `${index}`, 0, 'paged');
    const all = await store().list({ resource: 'paged' }, read);
    const wanted = all.items.map((item) => `${item.key.name}=${item.bytes}`);
    for (const limit of [1, 3, 7, 40]) {
      const found: string[] = [];
      let range: { resource: string; limit: number; after?: StoreKey } = { resource: 'paged', limit };
      for (let more = true, round = 0; more; round++) {
        const page = await store().list(range, { ...read, revision: all.revision });
        found.push(...page.items.map((item) => `${item.key.name}=${item.bytes}`));
        ({ more } = page);
        range = { ...range, after: page.items.at(-1)?.key ?? key('pg/z') };
        // Written, gone and come again, before and behind the page.
        const index = (round * 13) % 40;
        if (index % 3 === 0) await store().commit([{ key: key(name(index), 'paged') }], signal);
        else await put(store(), name(index), 'late', undefined, 'paged');
      }
      assert.deepEqual(found, wanted, `pages of ${limit}`);
    }
  });

  test('an object of the past keeps its revision when the change that made it is compacted away', async () => {
    const made = await put(store(), 'k/a', '1', 0, 'kept');
    await put(store(), 'k/b', '1', 0, 'kept');
    const then = await put(store(), 'k/b', '2', undefined, 'kept');
    await store().compact(then, signal);
    await put(store(), 'k/a', '2', made, 'kept');
    const page = await store().list({ resource: 'kept' }, { ...read, revision: then });
    assert.deepEqual(
      page.items.map((item) => `${item.key.name}@${item.revision}`),
      [`a@${made}`, `b@${then}`],
    );
    assert.equal((await store().get(key('k/a', 'kept'), { ...read, revision: then }))?.revision, made);
  });
}

function watching(store: () => Store): void {
  test('a watch tells the past, then what comes, each once and in order, with what was before', async () => {
    const from = await put(store(), 'n/a', '1', 0, 'watched');
    await put(store(), 'n/a', '2', undefined, 'watched');
    await put(store(), 'n/elsewhere', 'x', 0, 'unwatched');
    await using watch = follow(store(), { resource: 'watched' }, from);
    await watch.until((events) => events.length >= 1);
    await put(store(), 'other/a', '3', 0, 'watched');
    await store().commit([{ key: key('n/a', 'watched') }], signal);
    await watch.until((events) => events.length >= 3);
    assert.deepEqual(watch.events.map(describeEvent), ['put n/a 1→2', 'put other/a →3', 'delete n/a 2→2']);
    const revisions = watch.events.map((event) => event.revision);
    assert.deepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
  });

  test('a watch of one namespace hears nothing of others', async () => {
    const from = await store().revision(signal);
    await using watch = follow(store(), { resource: 'scoped', namespace: 'in' }, from);
    await put(store(), 'out/a', '1', 0, 'scoped');
    await put(store(), 'in/a', '1', 0, 'scoped');
    await watch.until((events) => events.length >= 1);
    assert.deepEqual(watch.events.map(describeEvent), ['put in/a →1']);
  });

  test('writes beside the start of a watch are neither lost nor told twice', async () => {
    const from = await store().revision(signal);
    const writes = Array.from({ length: 40 }, (_, index) => put(store(), `n/k${index}`, 'x', 0, 'busy'));
    await using watch = follow(store(), { resource: 'busy' }, from);
    await Promise.all(writes);
    await watch.until((events) => events.length >= 40);
    assert.equal(new Set(watch.events.map((event) => event.key.name)).size, 40);
    assert.equal(watch.events.length, 40);
  });

  test('a list of one name has it or nothing, now and then', async () => {
    for (const name of ['n/a', 'n/ab', 'm/a']) await put(store(), name, name, 0, 'by-name');
    const revision = await put(store(), 'n/b', '1', 0, 'by-name');
    await put(store(), 'n/b', '2', undefined, 'by-name');
    const range = (name: string) => ({ resource: 'by-name', namespace: 'n', name });
    const { items, more } = await store().list({ ...range('a'), limit: 10 }, read);
    assert.deepEqual([names(items), more], [['n/a'], false]);
    assert.deepEqual((await store().list(range('c'), read)).items, []);
    const then = await store().list(range('b'), { ...read, revision });
    assert.deepEqual(
      then.items.map(({ bytes }) => bytes.toString()),
      ['1'],
    );
  });

  test('a watch of one name tells of no other', async () => {
    const from = await store().revision(signal);
    await using watch = follow(store(), { resource: 'named', namespace: 'n', name: 'b' }, from);
    for (const name of ['n/a', 'n/b', 'm/b', 'n/b']) await put(store(), name, name, undefined, 'named');
    await watch.until((events) => events.length >= 2);
    assert.deepEqual(watch.events.map(describeEvent), ['put n/b →n/b', 'put n/b n/b→n/b']);
  });

  test('a reader that takes what it is offered, or does not, sees every event once and in order', async () => {
    const seen: number[] = [];
    let offers = 0;
    const take = ({ events }: WatchBatch) => void seen.push(...events.map(({ revision }) => revision));
    const offer = (batch: WatchBatch) => {
      offers += 1;
      if (offers % 3 === 0) return false;
      take(batch);
      return true;
    };
    const stop = new AbortController();
    const range = { resource: 'offered' };
    const from = await store().revision(signal);
    const written: number[] = [];
    const reading = (async () => {
      for await (const batch of store().watch(range, from, { signal: stop.signal, offer })) {
        take(batch);
        if (seen.length >= 60) break;
      }
    })();
    // One after the other and some at once: the reader waits for some and is busy at others.
    for (let round = 0; round < 20; round += 1)
      written.push(
        ...(await Promise.all([0, 1, 2].map((one) => put(store(), `n/${round}-${one}`, 'x', 0, 'offered')))),
      );
    while (seen.length < 60) await put(store(), 'n/last', 'x', undefined, 'offered');
    stop.abort();
    await reading;
    assert.deepEqual(
      seen.slice(0, 60),
      written.toSorted((a, b) => a - b),
    );
  });

  test('a watch ends with its signal', async () => {
    const stop = new AbortController();
    const ended = consume(
      store().watch({ resource: 'quiet' }, await store().revision(signal), { signal: stop.signal }),
    );
    stop.abort();
    await ended;
  });

  test('a reader that is too slow is dropped and told to list again', async () => {
    const batches = store()
      .watch({ resource: 'flood' }, await store().revision(signal), { signal })
      [Symbol.asyncIterator]();
    await batches.next();
    for (let sent = 0; sent <= 2 * LIMITS.watchQueueEvents; sent += 64) {
      await store().commit(
        Array.from({ length: 64 }, (_, index) => ({
          key: key(`n/${sent + index}`, 'flood'),
          bytes: Buffer.from('x'),
        })),
        signal,
      );
    }
    await assert.rejects(
      async () => {
        for (let result = await batches.next(); result.done !== true; result = await batches.next());
      },
      (error) => isCode(error, 'Expired'),
    );
  });
}

function compacting(store: () => Store): void {
  test('what is compacted away is answered with Expired; current values stay', async () => {
    const old = await put(store(), 'c/a', '1', 0, 'compacted');
    await put(store(), 'c/a', 'between', undefined, 'compacted');
    const newer = await put(store(), 'c/a', '2', undefined, 'compacted');
    await store().compact(newer, signal);
    const expired = (error: unknown) => isCode(error, 'Expired');
    await assert.rejects(store().list({ resource: 'compacted' }, { ...read, revision: old }), expired);
    await assert.rejects(consume(store().watch({ resource: 'compacted' }, old, { signal })), expired);
    assert.equal((await store().get(key('c/a', 'compacted'), read))?.bytes.toString(), '2');
    assert.equal(
      (await store().list({ resource: 'compacted' }, { ...read, revision: newer })).items.length,
      1,
    );
  });
}

function reopening(harness: StoreHarness, reopen: (store: Store) => Promise<Store>): void {
  test('everything is there after the store was closed and opened again', async () => {
    let store = await harness.open();
    const first = await put(store, 'r/a', '1', 0);
    const second = await put(store, 'r/a', '2', first);
    store = await reopen(store);
    assert.deepEqual((await store.get(key('r/a'), read))?.bytes.toString(), '2');
    assert.ok((await store.revision(signal)) >= second);
    await using watch = follow(store, { resource: 'things' }, first);
    await watch.until((events) => events.length >= 1);
    assert.deepEqual(watch.events.map(describeEvent), ['put r/a 1→2']);
    const third = await put(store, 'r/a', '3', second);
    assert.ok(third > second);
    await store.close();
  });
}

function key(path: string, resource = 'things'): { resource: string; namespace: string; name: string } {
  const [namespace = '', name = ''] = path.split('/');
  return { resource, namespace, name };
}

async function put(
  store: Store,
  path: string,
  value: string,
  expected?: number,
  resource = 'things',
): Promise<number> {
  const change = {
    key: key(path, resource),
    bytes: Buffer.from(value),
    ...(expected === undefined ? {} : { expected }),
  };
  return (await store.commit([change], signal)).revision;
}

async function refused(write: Promise<unknown>): Promise<void> {
  await assert.rejects(
    write,
    (error) => error instanceof AmphoraError && error.code === 'Conflict' && error.about === undefined,
  );
}

function names(items: readonly { key: { namespace: string; name: string } }[]): string[] {
  return items.map(({ key: { namespace, name } }) => `${namespace}/${name}`);
}

async function consume(batches: AsyncIterable<WatchBatch>): Promise<void> {
  for await (const _ of batches);
}
