import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { APIService, ConfigMap, FlowSchema } from '../api/types.generated.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const SERVICES = { apiVersion: 'apiregistration.k8s.io/v1', resource: 'apiservices' };
const SCHEMAS = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1', resource: 'flowschemas' };
const CRDS = { apiVersion: 'apiextensions.k8s.io/v1', resource: 'customresourcedefinitions' };

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server[Symbol.asyncDispose]());

async function isLocal(name: string): Promise<boolean> {
  const found = await server.read<APIService>({ ...SERVICES, name });
  return (
    found?.status?.conditions?.some(({ reason, status }) => reason === 'Local' && status === 'True') === true
  );
}

test('each group has its APIService, built in or custom', async () => {
  await server.until('the APIService of apps', () => isLocal('v1.apps'));
  await server.until('the APIService of the core group', () => isLocal('v1.'));
  const name = 'foos.example.com';
  const schema = { openAPIV3Schema: { type: 'object' } };
  await server.client.create(CRDS, {
    metadata: { name },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'foos', kind: 'Foo' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  await server.until('the APIService of the CRD', () => isLocal('v1.example.com'));
  await server.client.delete({ ...CRDS, name });
  const gone = async () => (await server.read({ ...SERVICES, name: 'v1.example.com' })) === undefined;
  await server.until('the end of the APIService of the CRD', gone);
});

test('extension servers find whom to believe', async () => {
  const reference = { apiVersion: 'v1', resource: 'configmaps', namespace: 'kube-system' };
  const name = 'extension-apiserver-authentication';
  await server.until('the ConfigMap', async () => (await server.read({ ...reference, name })) !== undefined);
  const { data = {} } = (await server.read<ConfigMap>({ ...reference, name })) ?? {};
  assert.equal(data['requestheader-allowed-names'], '["front-proxy-client"]');
  assert.match(data['requestheader-client-ca-file'] ?? '', /BEGIN CERTIFICATE/);
  assert.notEqual(data['requestheader-client-ca-file'], data['client-ca-file']);
});

test('a flow schema says whether its level is there', async () => {
  const reasonOf = async (name: string) =>
    (await server.read<FlowSchema>({ ...SCHEMAS, name }))?.status?.conditions?.[0]?.reason;
  await server.until('the status of a default', async () => (await reasonOf('catch-all')) === 'Found');
  const rules = [
    {
      subjects: [{ kind: 'Group', group: { name: 'dev' } }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    },
  ];
  const spec = { priorityLevelConfiguration: { name: 'mine' }, rules };
  await server.client.create(SCHEMAS, { metadata: { name: 'mine' }, spec });
  await server.until('that it dangles', async () => (await reasonOf('mine')) === 'NotFound');
  const limited = { limitResponse: { type: 'Reject' } };
  await server.client.create(
    { ...SCHEMAS, resource: 'prioritylevelconfigurations' },
    { metadata: { name: 'mine' }, spec: { type: 'Limited', limited } },
  );
  await server.until('that it was found', async () => (await reasonOf('mine')) === 'Found');
});
