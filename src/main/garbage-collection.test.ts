import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiObject, OwnerReference } from '../api/kind.ts';
import { isCode } from '../lib/errors.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
const NAMESPACES = { apiVersion: 'v1', resource: 'namespaces' };
const CRDS = { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' };

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await server.until(
    'default',
    async () => (await server.read({ ...NAMESPACES, name: 'default' })) !== undefined,
  );
});
after(() => server[Symbol.asyncDispose]());

function ownedBy(owner: ApiObject, more: Partial<OwnerReference> = {}): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', ...more };
}

async function make(name: string, metadata: Partial<ApiObject['metadata']> = {}, namespace = 'default') {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata } };
  return await server.client.create({ ...MAPS, namespace }, object);
}

function find(name: string) {
  return server.read({ ...MAPS, name });
}

function gone(...names: string[]): Promise<void> {
  return server.until(`${names} to go`, async () =>
    (await Promise.all(names.map(find))).every((found) => found === undefined),
  );
}

function remove(name: string, body: object = {}) {
  return server.client.delete({ ...MAPS, name }, body);
}

test('in the background: dependents go after their owner, and theirs after them', async () => {
  const owner = await make('bg-owner');
  const child = await make('bg-child', { ownerReferences: [ownedBy(owner)] });
  await make('bg-grandchild', { ownerReferences: [ownedBy(child)] });
  await make('bg-other');
  await remove('bg-owner');
  await gone('bg-owner', 'bg-child', 'bg-grandchild');
  assert.notEqual(await find('bg-other'), undefined);
});

test('one of two owners is enough; the reference to the other is taken away', async () => {
  const one = await make('two-one');
  const two = await make('two-two');
  await make('two-child', { ownerReferences: [ownedBy(one), ownedBy(two)] });
  await remove('two-one');
  await server.until(
    'one reference',
    async () => (await find('two-child'))?.metadata.ownerReferences?.length === 1,
  );
  assert.equal((await find('two-child'))?.metadata.ownerReferences?.[0]?.name, 'two-two');
  await remove('two-two');
  await gone('two-child');
});

test('in the foreground: an owner waits for those that block it', async () => {
  const owner = await make('fg-owner');
  const blocks = ownedBy(owner, { blockOwnerDeletion: true });
  await make('fg-held', { ownerReferences: [blocks], finalizers: ['example.com/hold'] });
  await make('fg-free', { ownerReferences: [ownedBy(owner)], finalizers: ['example.com/hold'] });
  await remove('fg-owner', { propagationPolicy: 'Foreground' });
  const deleting = async (name: string) => (await find(name))?.metadata.deletionTimestamp !== undefined;
  await server.until(
    'both to be deleted',
    async () => (await deleting('fg-held')) && (await deleting('fg-free')),
  );
  assert.deepEqual((await find('fg-owner'))?.metadata.finalizers, ['foregroundDeletion']);
  const let_go = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  await server.client.patch({ ...MAPS, name: 'fg-held' }, let_go);
  await gone('fg-held', 'fg-owner');
  assert.notEqual(await find('fg-free'), undefined);
  await server.client.patch({ ...MAPS, name: 'fg-free' }, let_go);
});

test('in the foreground, three deep: the youngest go first', async () => {
  const owner = await make('deep-1');
  const child = await make('deep-2', { ownerReferences: [ownedBy(owner, { blockOwnerDeletion: true })] });
  await make('deep-3', { ownerReferences: [ownedBy(child, { blockOwnerDeletion: true })] });
  await remove('deep-1', { propagationPolicy: 'Foreground' });
  await gone('deep-1', 'deep-2', 'deep-3');
});

test('a circle of owners in the foreground ends', async () => {
  const one = await make('circle-1');
  const two = await make('circle-2', { ownerReferences: [ownedBy(one, { blockOwnerDeletion: true })] });
  const ownerReferences = [ownedBy(two, { blockOwnerDeletion: true })];
  const body = { metadata: { ownerReferences } };
  await server.client.patch({ ...MAPS, name: 'circle-1' }, { type: 'merge', body });
  await remove('circle-1', { propagationPolicy: 'Foreground' });
  await gone('circle-1', 'circle-2');
});

test('orphans stay, without their owner', async () => {
  const owner = await make('or-owner');
  await make('or-child', { ownerReferences: [ownedBy(owner)] });
  await remove('or-owner', { propagationPolicy: 'Orphan' });
  await gone('or-owner');
  assert.deepEqual((await find('or-child'))?.metadata.ownerReferences ?? [], []);
});

test('an owner that never was is as one that went', async () => {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'no-such-uid' }];
  await make('absent-child', { ownerReferences });
  await gone('absent-child');
});

test('an owner of the right name and another uid is none', async () => {
  const owner = await make('uid-owner');
  await make('uid-child', { ownerReferences: [ownedBy(owner, { uid: 'another' })] });
  await gone('uid-child');
});

test('an owner of a kind that nobody serves is left to whoever may serve it', async () => {
  const ownerReferences = [{ apiVersion: 'nobody.example/v1', kind: 'Thing', name: 'a', uid: 'thing-uid' }];
  await make('unknown-child', { ownerReferences });
  await make('unknown-probe', {
    ownerReferences: [{ ...ownerReferences[0], apiVersion: 'v1', kind: 'ConfigMap' }] as OwnerReference[],
  });
  await gone('unknown-probe');
  assert.notEqual(await find('unknown-child'), undefined);
});

test('an owner in another namespace is refused with an event', async () => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } };
  await server.client.create(NAMESPACES, namespace);
  const owner = await make('far-owner', {}, 'elsewhere');
  await server.until('the graph to know the owner', async () => {
    await make('far-child', { ownerReferences: [ownedBy(owner)] }).catch((error) => {
      if (!isCode(error, 'AlreadyExists')) throw error;
    });
    const events = await server.client.list<{ reason?: string; message?: string }>({
      ...MAPS,
      resource: 'events',
    });
    return events.items.some(
      ({ reason, message }) =>
        reason === 'OwnerRefInvalidNamespace' &&
        message ===
          `ownerRef [v1/ConfigMap, namespace: default, name: far-owner, uid: ${owner.metadata.uid}] does not exist in namespace "default"`,
    );
  });
  await gone('far-child');
  assert.notEqual(await server.read({ ...MAPS, namespace: 'elsewhere', name: 'far-owner' }), undefined);
});

test('what is cluster-wide and names a namespaced owner stays, with an event', async () => {
  const owner = await make('wide-owner');
  const ownerReferences = [ownedBy(owner)];
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'wide', ownerReferences },
  };
  const collection = { apiVersion: 'rbac.authorization.k8s.io/v1', resource: 'clusterroles' };
  await server.client.create(collection, role);
  await server.until('the event', async () => {
    const events = await server.client.list<{ involvedObject: { name?: string } }>({
      ...MAPS,
      resource: 'events',
    });
    return events.items.some(({ involvedObject }) => involvedObject.name === 'wide');
  });
  assert.notEqual(await server.read({ ...collection, name: 'wide' }), undefined);
});

test('objects of a kind that has just come own and are owned', async () => {
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  const spec = { group: 'gc.example.com', scope: 'Namespaced', names, versions };
  const definition = {
    apiVersion: CRDS.apiVersion,
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.gc.example.com' },
    spec,
  };
  await server.client.create(CRDS, definition);
  const things = { apiVersion: 'gc.example.com/v1', resource: 'things', namespace: 'default' };
  const thing = (name: string, ownerReferences: OwnerReference[] = []) =>
    server.client.create(things, {
      apiVersion: 'gc.example.com/v1',
      kind: 'Thing',
      metadata: { name, ownerReferences },
    });
  await server.until('the kind to be served', async () => {
    await thing('a').catch((error) => {
      if (!isCode(error, 'NotFound')) throw error;
    });
    return (await server.read({ ...things, name: 'a' }).catch(() => undefined)) !== undefined;
  });
  const owner = await server.read<ApiObject>({ ...things, name: 'a' });
  assert.ok(owner);
  const child = await make('crd-child', { ownerReferences: [ownedBy(owner)] });
  await thing('b', [ownedBy(child)]);
  await server.client.delete({ ...things, name: 'a' });
  await gone('crd-child');
  await server.until('b to go', async () => (await server.read({ ...things, name: 'b' })) === undefined);
});
