// A test of what talks to Kubernetes, against a cluster of its own in this process: node --test config-maps.test.js
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from 'amphora/testing';

const MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'default' };
const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };

/** What is tested: switches a feature on in a ConfigMap that others own parts of. */
async function switchOn(client, name, feature) {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { [feature]: 'on' } };
  await client.apply({ ...MAPS, name }, object, { fieldManager: `feature-${feature}` });
}

test('features are switched on beside each other', async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await switchOn(cluster.client, 'features', 'search');
  await switchOn(cluster.client, 'features', 'export');
  const { data } = await cluster.client.get({ ...MAPS, name: 'features' });
  assert.deepEqual(data, { export: 'on', search: 'on' });
});

test('a pod runs, on a fake', async () => {
  await using cluster = await startCluster();
  const spec = { containers: [{ name: 'web', image: 'web:1', command: ['pause'] }] };
  await cluster.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec });
  const pod = await cluster.client.waitFor(
    { ...PODS, name: 'web' },
    ({ status }) => status?.phase === 'Running',
  );
  assert.equal(pod.spec.nodeName, 'node-0');
});
