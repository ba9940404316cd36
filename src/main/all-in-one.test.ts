import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { APIService, ConfigMap, Event, Pod } from '../api/types.generated.ts';
import type { Client } from '../client/client.ts';
import { isCode } from '../lib/errors.ts';
import { createMemoryStore } from '../store/memory.ts';
import { startAllInOne } from './all-in-one.ts';

const PODS = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };
const DEADLINE_MS = 20_000;

test('a pod goes from create to Ready to gone, through every layer', async () => {
  await using platform = await startAllInOne({ store: createMemoryStore() });
  const { client } = platform;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  await created(client, signal);
  const ready = await until(client, (pod) => conditionOf(pod, 'Ready') === 'True', signal);
  assert.equal(ready.spec?.nodeName, 'fake');
  assert.equal(ready.status?.phase, 'Running');
  assert.match(ready.status?.podIP ?? '', /^\d+\.\d+\.\d+\.\d+$/);
  const events = await client.list<Event>(
    { apiVersion: 'v1', resource: 'events', namespace: 'default' },
    {},
    { signal },
  );
  assert.ok(events.items.some((event) => event.reason === 'Scheduled'));
  await client.delete({ ...PODS, name: 'web' }, { gracePeriodSeconds: 1 }, { signal });
  await assert.rejects(
    until(client, () => false, signal),
    (error) => isCode(error, 'NotFound'),
  );
});

test('each group has its APIService, and extension servers find whom to believe', async () => {
  await using platform = await startAllInOne({ store: createMemoryStore() });
  const { client } = platform;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const name = 'v1.apps';
  const services = { apiVersion: 'apiregistration.k8s.io/v1', resource: 'apiservices' };
  const reasonOf = async () => {
    const found = await client.get<APIService>({ ...services, name }, { signal }).catch((error: unknown) => {
      if (!isCode(error, 'NotFound')) throw error;
    });
    return found?.status?.conditions?.[0]?.reason;
  };
  while ((await reasonOf()) !== 'Local') signal.throwIfAborted();
  const map = { apiVersion: 'v1', resource: 'configmaps', namespace: 'kube-system' };
  const published = await client.get<ConfigMap>(
    { ...map, name: 'extension-apiserver-authentication' },
    { signal },
  );
  assert.equal(published.data?.['requestheader-allowed-names'], '["front-proxy-client"]');
  assert.match(published.data?.['requestheader-client-ca-file'] ?? '', /BEGIN CERTIFICATE/);
});

/** Retries while the namespace's service account is still being made. */
async function created(client: Client, signal: AbortSignal): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'c', image: 'web:1', command: ['pause'] }] },
  };
  for (;;) {
    signal.throwIfAborted();
    try {
      await client.create(PODS, pod, { signal });
      return;
    } catch (error) {
      if (!isCode(error, 'Forbidden', 'NotFound')) throw error;
    }
  }
}

async function until(client: Client, holds: (pod: Pod) => boolean, signal: AbortSignal): Promise<Pod> {
  for (;;) {
    const pod = await client.get<Pod>({ ...PODS, name: 'web' }, { signal });
    if (holds(pod)) return pod;
  }
}

function conditionOf(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)?.status;
}
