import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmphoraError } from '../../lib/errors.ts';
import { reconcile } from './reconcile.ts';
import { Cluster, EVERYTHING as SCHEMA, textsOf } from './testing/cluster.ts';

interface Case {
  readonly name: string;
  readonly run: (cluster: Cluster) => unknown;
  readonly object: object;
  readonly owners: Readonly<Record<string, readonly string[]>>;
}

const items = (...names: string[]) => names.map((name) => ({ name }));
const itemPaths = (...names: string[]) =>
  names.flatMap((name) => [`.list[name="${name}"]`, `.list[name="${name}"].name`]);

const CASES: readonly Case[] = [
  {
    name: 'applying twice sets and unsets leaves',
    run: (c) => c.apply('a', { number: 1, text: 'x' }).apply('a', { number: 2, flag: true }),
    object: { number: 2, flag: true },
    owners: { a: ['.flag', '.number'] },
  },
  {
    name: 'an update takes the fields it changes, whoever applied them',
    run: (c) => c.apply('a', { number: 1, text: 'x' }).update('u', { number: 2, text: 'x' }),
    object: { number: 2, text: 'x' },
    owners: { a: ['.text'], u: ['.number'] },
  },
  {
    name: 'equal values are owned together',
    run: (c) => c.apply('a', { number: 1 }).apply('b', { number: 1, text: 'x' }),
    object: { number: 1, text: 'x' },
    owners: { a: ['.number'], b: ['.number', '.text'] },
  },
  {
    name: 'force takes over',
    run: (c) => c.apply('a', { number: 1, text: 'x' }).apply('b', { number: 2 }, { force: true }),
    object: { number: 2, text: 'x' },
    owners: { a: ['.text'], b: ['.number'] },
  },
  {
    name: 'what is given up stays while another one applies it',
    run: (c) => c.apply('a', { number: 1 }).apply('b', { number: 1 }).apply('a', {}),
    object: { number: 1 },
    owners: { b: ['.number'] },
  },
  {
    name: 'what is given up stays while an updater owns it',
    run: (c) => c.apply('a', { number: 1 }).update('u', { number: 2 }).apply('a', { text: 'x' }),
    object: { number: 2, text: 'x' },
    owners: { a: ['.text'], u: ['.number'] },
  },
  {
    name: 'items of a set come and go',
    run: (c) => c.apply('a', { set: ['x', 'y'] }).apply('a', { set: ['y', 'z'] }),
    object: { set: ['y', 'z'] },
    owners: { a: ['.set[="y"]', '.set[="z"]'] },
  },
  {
    name: 'an updater adds to a set without owning the rest',
    run: (c) =>
      c
        .apply('a', { set: ['x', 'z'] })
        .update('u', { set: ['x', 'w', 'z'] })
        .apply('a', { set: ['z'] }),
    object: { set: ['w', 'z'] },
    owners: { a: ['.set[="z"]'], u: ['.set[="w"]'] },
  },
  {
    name: 'a set stands in the order that was applied last',
    run: (c) => c.apply('a', { set: ['a', 'b', 'c', 'd'] }).apply('a', { set: ['a', 'd', 'c', 'b'] }),
    object: { set: ['a', 'd', 'c', 'b'] },
    owners: { a: ['.set[="a"]', '.set[="b"]', '.set[="c"]', '.set[="d"]'] },
  },
  {
    name: 'what only the server has keeps its place before the next shared item',
    run: (c) =>
      c
        .apply('a', { set: ['a', 'b', 'c', 'd'] })
        .update('u', { set: ['a', '1', 'b', '2', 'c', '3', 'd'] })
        .apply('a', { set: ['a', 'd', 'c', 'b', 'e'] }),
    object: { set: ['a', '1', '2', '3', 'd', 'c', 'b', 'e'] },
    owners: {
      a: ['.set[="a"]', '.set[="b"]', '.set[="c"]', '.set[="d"]', '.set[="e"]'],
      u: ['.set[="1"]', '.set[="2"]', '.set[="3"]'],
    },
  },
  {
    name: 'a keyed list: items go when nobody owns them',
    run: (c) =>
      c
        .apply('a', { list: items('x', 'y', 'z') })
        .apply('b', { list: items('y') })
        .apply('a', { list: items('z') }),
    object: { list: items('y', 'z') },
    owners: { a: itemPaths('z'), b: itemPaths('y') },
  },
  {
    name: 'an item goes whole, with what an updater put into it',
    run: (c) =>
      c
        .apply('a', { list: items('x', 'y') })
        .update('u', { list: [{ name: 'x', value: 1 }, { name: 'y' }] })
        .apply('a', { list: items('y') }),
    object: { list: items('y') },
    owners: { a: itemPaths('y') },
  },
  {
    name: 'an item stays for one applier without the part another gives up',
    run: (c) =>
      c
        .apply('a', { list: [{ name: 'x', value: 1 }, { name: 'y' }] })
        .apply('b', { list: items('x') })
        .apply('a', { list: items('y') }),
    object: { list: items('x', 'y') },
    owners: { a: itemPaths('y'), b: itemPaths('x') },
  },
  {
    name: 'an item stays with what an updater put into it',
    run: (c) =>
      c
        .apply('a', { list: items('x', 'y') })
        .apply('b', { list: items('x') })
        .update('u', { list: [{ name: 'x', value: 3 }, { name: 'y' }] })
        .apply('a', { list: items('y') }),
    object: { list: [{ name: 'x', value: 3 }, { name: 'y' }] },
    owners: { a: itemPaths('y'), b: itemPaths('x'), u: ['.list[name="x"].value'] },
  },
  {
    name: 'maps of maps, granular all the way',
    run: (c) =>
      c
        .apply('a', { nested: { a: { b: '1', c: '2' }, d: { e: '3' } } })
        .apply('b', { nested: { a: { c: '2', f: '4' } } })
        .apply('a', { nested: { d: { e: '3' } } }),
    object: { nested: { a: { c: '2', f: '4' }, d: { e: '3' } } },
    owners: {
      a: ['.nested.d', '.nested.d.e'],
      b: ['.nested.a', '.nested.a.c', '.nested.a.f'],
    },
  },
  {
    name: 'an atomic object and an atomic list have one owner',
    run: (c) =>
      c
        .apply('a', { whole: { name: 'x' }, atoms: ['x'] })
        .apply('b', { whole: { value: 1 }, atoms: ['y'] }, { force: true }),
    object: { whole: { value: 1 }, atoms: ['y'] },
    owners: { b: ['.atoms', '.whole'] },
  },
  {
    name: 'a key that is missing means its default',
    run: (c) =>
      c
        .apply('a', { ports: [{ port: 80 }] })
        .apply('b', { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] }),
    object: { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] },
    owners: {
      a: ['.ports[port=80,protocol="TCP"]', '.ports[port=80,protocol="TCP"].port'],
      b: [
        '.ports[port=80,protocol="TCP"]',
        '.ports[port=80,protocol="TCP"].name',
        '.ports[port=80,protocol="TCP"].port',
        '.ports[port=80,protocol="TCP"].protocol',
      ],
    },
  },
  {
    name: 'a key without a default may be missing',
    run: (c) => c.apply('a', { ports: [{ name: 'x' }] }),
    object: { ports: [{ name: 'x' }] },
    owners: { a: ['.ports[protocol="TCP"]', '.ports[protocol="TCP"].name'] },
  },
  {
    name: 'a struct is emptied, not taken away, while an updater owns a part of it',
    run: (c) =>
      c
        .apply('a', { struct: { name: 'x' } })
        .update('u', { struct: { name: 'x', value: 1 } })
        .apply('a', {}),
    object: { struct: { value: 1 } },
    owners: { u: ['.struct.value'] },
  },
  {
    name: 'null for a struct gives up what stands in it',
    run: (c) =>
      c
        .apply('a', { struct: { name: 'x' } })
        .update('u', { struct: { name: 'x', value: 1 } })
        .apply('a', { struct: null }),
    object: { struct: { value: 1 } },
    owners: { a: ['.struct'], u: ['.struct.value'] },
  },
  {
    name: 'null for a leaf sets it to null and owns it',
    run: (c) => c.apply('a', { number: 1, text: 'x' }).apply('a', { number: null, text: 'x' }),
    object: { number: null, text: 'x' },
    owners: { a: ['.number', '.text'] },
  },
  {
    name: 'what no schema declares is told by its values: objects by member, lists whole',
    run: (c) =>
      c
        .apply('a', { free: { deep: { x: 1 }, list: [1, 2] } })
        .apply('b', { free: { deep: { y: 2 }, other: 'z' } })
        .apply('a', { free: { list: [3] } }),
    object: { free: { deep: { y: 2 }, list: [3], other: 'z' } },
    owners: {
      a: ['.free.list'],
      b: ['.free.deep', '.free.deep.y', '.free.other'],
    },
  },
  {
    name: 'an empty map is a field by itself',
    run: (c) => c.apply('a', { map: {}, struct: {}, list: [] }),
    object: { map: {}, struct: {}, list: [] },
    owners: { a: ['.map', '.struct'] },
  },
  {
    name: 'one that applies is the same in every version',
    run: (c) => c.apply('a', { number: 1, text: 'x' }).apply('a', { number: 1 }, { version: 'v2' }),
    object: { number: 1 },
    owners: { a: ['.number'] },
  },
];

for (const { name, run, object, owners } of CASES) {
  test(name, () => {
    const cluster = new Cluster();
    run(cluster);
    assert.deepEqual(cluster.object, object);
    assert.deepEqual(cluster.owners(), owners);
  });
}

const CONFLICTS: ReadonlyArray<{
  readonly name: string;
  readonly run: (cluster: Cluster) => unknown;
  readonly message: string;
  readonly fields: readonly string[];
}> = [
  {
    name: 'a leaf that another one applied',
    run: (c) => c.apply('a', { number: 1 }).apply('b', { number: 2 }),
    message: 'Apply failed with 1 conflict: conflict with "a": .number',
    fields: ['.number'],
  },
  {
    name: 'a leaf that an update changed',
    run: (c) => c.apply('a', { number: 1 }).update('u', { number: 3 }).apply('a', { number: 1 }),
    message: 'Apply failed with 1 conflict: conflict with "u" using v1: .number',
    fields: ['.number'],
  },
  {
    name: 'several managers and fields',
    run: (c) =>
      c
        .apply('b', { text: 'x', map: { k: '1', 'a.b/c': '2' } })
        .apply('a', { list: [{ name: 'x', value: 1 }] })
        .apply('c', { text: 'y', map: { k: '2', 'a.b/c': '3' }, list: [{ name: 'x', value: 2 }] }),
    message:
      'Apply failed with 4 conflicts: conflicts with "a":\n- .list[name="x"].value\nconflicts with "b":\n- .text\n- .map.a.b/c\n- .map.k',
    fields: ['.list[name="x"].value', '.text', '.map.a.b/c', '.map.k'],
  },
  {
    name: 'an item by its defaulted key',
    run: (c) =>
      c
        .apply('a', { ports: [{ port: 80, protocol: 'TCP', name: 'x' }] })
        .apply('b', { ports: [{ port: 80, name: 'y' }] }),
    message: 'Apply failed with 1 conflict: conflict with "a": .ports[port=80,protocol="TCP"].name',
    fields: ['.ports[port=80,protocol="TCP"].name'],
  },
  {
    name: 'null for what another one owns',
    run: (c) => c.apply('a', { number: 1 }).apply('b', { number: null }),
    message: 'Apply failed with 1 conflict: conflict with "a": .number',
    fields: ['.number'],
  },
  {
    name: 'an atomic list',
    run: (c) => c.apply('a', { atoms: ['x', 'y'] }).apply('b', { atoms: ['y', 'x'] }),
    message: 'Apply failed with 1 conflict: conflict with "a": .atoms',
    fields: ['.atoms'],
  },
];

for (const { name, run, message, fields } of CONFLICTS) {
  test(`conflict: ${name}`, () => {
    const cluster = new Cluster();
    assert.throws(
      () => run(cluster),
      (error) => {
        assert.ok(error instanceof AmphoraError);
        assert.equal(error.code, 'Conflict');
        assert.equal(error.message, message);
        assert.deepEqual(
          error.details.map((detail) => detail.field),
          fields,
        );
        return error.details.every((detail) => detail.reason === 'FieldManagerConflict');
      },
    );
  });
}

test('applying the same again changes neither the object nor a time', () => {
  const cluster = new Cluster().apply('a', { number: 1 });
  const { entries, object } = cluster;
  cluster.apply('a', { number: 1 });
  assert.deepEqual(cluster.object, object);
  assert.deepEqual(cluster.entries, entries);
});

test('an entry in a version that is not served any more is dropped', () => {
  const cluster = new Cluster(undefined, (version) =>
    version === 'v0' ? undefined : { schema: SCHEMA, convert: (object) => ({ ...object }) },
  );
  cluster.apply('old', { number: 1 }, { version: 'v0' }).update('u', { number: 1, text: 'x' });
  assert.deepEqual(cluster.owners(), { u: ['.text'] });
});

test('who owned parts of what became atomic owns it whole', () => {
  const cluster = new Cluster().update('u', { list: [{ name: 'x', value: 1 }], number: 1 });
  const { list } = SCHEMA.fields;
  assert.ok(list?.schema.type === 'array');
  const atomic = { ...list, schema: { ...list.schema, listType: 'atomic' as const } };
  const schema = { ...SCHEMA, fields: { ...SCHEMA.fields, list: atomic } };
  const entries = reconcile(cluster.entries, () => ({ schema, convert: (object) => object }));
  assert.deepEqual(
    entries.map((entry) => textsOf(entry.fieldsV1)),
    [['.list', '.number']],
  );
  const same = reconcile(cluster.entries, () => ({ schema: SCHEMA, convert: (object) => object }));
  assert.equal(same, cluster.entries);
});
