import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Namespace } from '../api/types.generated.ts';
import { isCode } from '../lib/errors.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const NAMESPACES = { apiVersion: 'v1', resource: 'namespaces' };
const NAME = { ...NAMESPACES, name: 'doomed' };
const MAPS = { apiVersion: 'v1', resource: 'configmaps', namespace: 'doomed' };

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server[Symbol.asyncDispose]());

test('a namespace goes with all that is in it, and says what it waits for', async () => {
  const { client } = server;
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'doomed' } });
  const map = (name: string, finalizers: string[] = []) =>
    client.create(MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, finalizers } });
  await map('held', ['example.com/hold']);
  await map('free');
  const terminating = await client.delete<Namespace>(NAME);
  assert.equal(terminating.status?.phase, 'Terminating');
  await server.until('new content to be refused', async () =>
    map('late').then(
      () => false,
      (error) => isCode(error, 'Forbidden'),
    ),
  );
  await server.until('the conditions', async () => {
    const found = await server.read<Namespace>(NAME);
    const messages = found?.status?.conditions?.map(({ type, message }) => `${type}: ${message}`) ?? [];
    return (
      messages.includes(
        'NamespaceContentRemaining: Some resources are remaining: configmaps. has 1 resource instances',
      ) &&
      messages.includes(
        'NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
      )
    );
  });
  assert.equal(await server.read({ ...MAPS, name: 'free' }), undefined);
  await client.patch({ ...MAPS, name: 'held' }, { type: 'merge', body: { metadata: { finalizers: null } } });
  await server.until('the namespace to go', async () => (await server.read(NAME)) === undefined);
});
