import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PersistentVolumeClaim, ResourceQuota } from '../api/types.generated.ts';
import { isCode } from '../lib/errors.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
const QUOTAS = { apiVersion: 'v1', resource: 'resourcequotas', namespace: 'default' };
const CLAIMS = { apiVersion: 'v1', resource: 'persistentvolumeclaims', namespace: 'default' };
const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };

let server: TestServer;
before(async () => {
  server = await startTestServer();
  const account = { apiVersion: 'v1', resource: 'serviceaccounts', namespace: 'default', name: 'default' };
  const map = { ...MAPS, name: 'kube-root-ca.crt' };
  await server.until('what every namespace has', async () => {
    return (await server.read(account)) !== undefined && (await server.read(map)) !== undefined;
  });
});
after(() => server[Symbol.asyncDispose]());

function createMap(name: string): Promise<unknown> {
  return server.client.create(MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
}

test('a quota is counted, is kept by many at once, and is given back', async () => {
  const { client } = server;
  const name = 'limits';
  const used = async (key: string) =>
    (await server.read<ResourceQuota>({ ...QUOTAS, name }))?.status?.used?.[key];
  await createMap('there-before');
  const before = (await client.list(MAPS)).items.length;
  const hard = { 'count/configmaps': String(before + 5), pods: '1' };
  await client.create(QUOTAS, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name },
    spec: { hard },
  });
  await server.until('the count', async () => (await used('count/configmaps')) === String(before));
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => createMap(`m-${i}`)));
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 35);
  for (const { reason } of refused) {
    assert.ok(isCode(reason, 'Forbidden'), String(reason));
    assert.match(
      reason.message,
      /^configmaps "m-\d+" is forbidden: exceeded quota: limits, requested: count\/configmaps=1, used: count\/configmaps=\d+, limited: count\/configmaps=\d+$/,
    );
  }
  assert.equal((await client.list(MAPS)).items.length, before + 5);
  assert.equal(await used('count/configmaps'), String(before + 5));
  const [{ metadata: { name: going = '' } = {} } = {}] = (await client.list(MAPS)).items.filter(
    ({ metadata }) => metadata.name.startsWith('m-'),
  );
  await client.delete({ ...MAPS, name: going });
  await server.until(
    'the map given back',
    async () => (await used('count/configmaps')) === String(before + 4),
  );
  await createMap('m-last');
  const pod = (podName: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName },
    spec: { containers: [{ name: 'a', image: 'a:1' }] },
  });
  await client.create(PODS, pod('one'));
  await assert.rejects(client.create(PODS, pod('two')), /exceeded quota: limits, requested: pods=1/);
  await client.delete({ ...PODS, name: 'one' }, { gracePeriodSeconds: 0 });
  await server.until('the pod given back', async () => (await used('pods')) === '0');
  await client.create(PODS, pod('two'));
});

test('a claim that a pod uses stays until the pod has gone', async () => {
  const { client } = server;
  const name = 'data';
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  await client.create(CLAIMS, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec });
  await client.delete({ ...PODS, name: 'two' }, { gracePeriodSeconds: 0 }).catch(() => {});
  await client.delete({ ...QUOTAS, name: 'limits' });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'user' },
    spec: {
      nodeName: 'nowhere',
      containers: [{ name: 'a', image: 'a:1' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: name } }],
    },
  };
  const bound = { ...pod, metadata: { ...pod.metadata, finalizers: ['example.com/hold'] } };
  await client.create(PODS, bound);
  const gone = await client.delete<PersistentVolumeClaim>({ ...CLAIMS, name });
  assert.deepEqual(gone.metadata?.finalizers, ['kubernetes.io/pvc-protection']);
  await client.delete({ ...PODS, name: 'user' }, { gracePeriodSeconds: 0 });
  assert.notEqual(await server.read({ ...CLAIMS, name }), undefined);
  await client.patch({ ...PODS, name: 'user' }, { type: 'merge', body: { metadata: { finalizers: null } } });
  await server.until('the claim to go', async () => (await server.read({ ...CLAIMS, name })) === undefined);
});
