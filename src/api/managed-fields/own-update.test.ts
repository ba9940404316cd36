import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKindTable } from '../kinds.ts';
import { compare } from './compare.ts';
import { withoutIdentity } from './own-update.ts';
import { Cluster, textsOf } from './testing/cluster.ts';

const kinds = createKindTable();

test('what came new is owned down to its leaves, with what holds it', () => {
  const cluster = new Cluster().update('u', { list: [{ name: 'x', map: { k: '1' } }], map: {}, set: [] });
  assert.deepEqual(cluster.owners(), {
    u: [
      '.list',
      '.list[name="x"]',
      '.list[name="x"].map',
      '.list[name="x"].map.k',
      '.list[name="x"].name',
      '.map',
      '.set',
    ],
  });
});

test('what was removed nobody owns, and who owns nothing is not listed', () => {
  const cluster = new Cluster()
    .update('u', { number: 1 })
    .apply('a', { text: 'x' })
    .update('v', { flag: true });
  assert.deepEqual(cluster.owners(), { v: ['.flag'] });
});

test('an update that changes nothing leaves the list itself', () => {
  const cluster = new Cluster().update('u', { number: 1, list: [{ name: 'x' }] });
  const { entries } = cluster;
  cluster.update('v', { list: [{ name: 'x' }], number: 1 });
  assert.equal(cluster.entries, entries);
});

test('a writer has one entry, with the time of its last change', () => {
  const cluster = new Cluster().update('u', { number: 1 }).update('u', { number: 1, text: 'x' });
  assert.equal(cluster.entries.length, 1);
  assert.equal(cluster.entries[0]?.time, '2026-01-01T00:00:02Z');
  assert.deepEqual(cluster.owners(), { u: ['.number', '.text'] });
});

test('items that share a name are one field', () => {
  const twice = (value: number) => [
    { name: 'a', value: 1 },
    { name: 'a', value },
    { name: 'b', value: 3 },
  ];
  const cluster = new Cluster().update('u', { list: twice(2) });
  const others = ['.list', '.list[name="b"]', '.list[name="b"].name', '.list[name="b"].value'];
  assert.deepEqual(cluster.owners(), { u: ['.list', '.list[name="a"]', ...others.slice(1)] });
  cluster.update('v', { list: twice(3) });
  assert.deepEqual(cluster.owners(), { u: others, v: ['.list[name="a"]'] });
  cluster.update('w', { list: twice(3).slice(1) });
  const names = ['.list[name="a"]', '.list[name="a"].name', '.list[name="a"].value'];
  assert.deepEqual(cluster.owners(), { u: others, w: names });
  cluster.update('x', { list: twice(3) });
  assert.deepEqual(cluster.owners(), { u: others, x: ['.list[name="a"]'] });
});

test('an applied item takes the place of those that share its name', () => {
  const cluster = new Cluster().update('u', { set: ['1', '1', '3'] });
  assert.throws(() => cluster.apply('a', { set: ['1'] }), { code: 'Conflict' });
  cluster.apply('a', { set: ['1'] }, { force: true });
  assert.deepEqual(cluster.object, { set: ['1', '3'] });
  assert.deepEqual(cluster.owners(), { a: ['.set[="1"]'], u: ['.set', '.set[="3"]'] });
  const untouched = new Cluster().update('u', { set: ['1', '1', '3'] }).apply('a', { set: ['5'] });
  assert.deepEqual(untouched.object, { set: ['1', '1', '3', '5'] });
});

test('what was a leaf and is an object now', () => {
  const cluster = new Cluster().update('u', { free: { x: 1 } }).update('v', { free: { x: { y: 1 } } });
  assert.deepEqual(cluster.owners(), { u: ['.free'], v: ['.free.x', '.free.x.y'] });
  cluster.update('w', { free: { x: [1] } });
  assert.deepEqual(cluster.owners(), { u: ['.free'], w: ['.free.x'] });
});

test('the oldest of too many updaters become one', () => {
  const cluster = new Cluster().apply('a', { text: 'x' });
  const map: Record<string, string> = {};
  for (let index = 0; index < 14; index++) {
    map[`k${index}`] = '1';
    cluster.update(`u${index}`, { text: 'x', map: { ...map } });
  }
  const managers = cluster.entries.map(({ manager }) => manager);
  assert.deepEqual(managers.slice(0, 2), ['a', 'ancient-changes']);
  assert.equal(managers.length, 11);
  const ancient = ['.map', '.map.k0', '.map.k1', '.map.k2', '.map.k3', '.map.k4'];
  assert.deepEqual(cluster.owners()['ancient-changes'], ancient);
  assert.equal(cluster.entries[1]?.time, '2026-01-01T00:00:06Z');
});

test('nobody owns what names an object, or what an empty object of its kind has', () => {
  const deployment = kinds.find('apps', 'v1', 'deployments');
  assert.ok(deployment !== undefined);
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x', namespace: 'y', labels: { a: 'b' } },
    spec: {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } },
      selector: { matchLabels: { a: 'b' } },
      template: {
        metadata: { labels: { a: 'b' } },
        spec: { containers: [{ name: 'c', resources: {}, ports: [{ containerPort: 80 }] }] },
      },
    },
  };
  assert.deepEqual(withoutIdentity(compare(deployment.schema, {}, object)?.changed), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
    'f:spec': {
      'f:strategy': { 'f:type': {}, 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
      'f:selector': {},
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"c"}': {
              '.': {},
              'f:name': {},
              'f:resources': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
              },
            },
          },
        },
      },
    },
  });
  assert.deepEqual(textsOf({}), []);
});
