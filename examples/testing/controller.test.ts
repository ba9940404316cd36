import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cluster, startCluster } from 'amphora/testing';
import type { ConfigMap } from 'amphora/types';
import { labelTeams } from './controller.ts';

test('a namespace of a team says so', async () => {
  await using cluster: Cluster = await startCluster({ nodes: 0 });
  const stop = new AbortController();
  const running = labelTeams(cluster.client, stop.signal);
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'blue', labels: { team: 'blue' } },
  };
  await cluster.client.create({ apiVersion: 'v1', resource: 'namespaces' }, namespace);
  const reference = { apiVersion: 'v1', resource: 'configmaps', namespace: 'blue', name: 'team' };
  const map = await cluster.client.waitFor<ConfigMap>(reference, ({ data }) => data?.team !== undefined);
  assert.equal(map.data?.team, 'blue');
  stop.abort();
  await running;
});
