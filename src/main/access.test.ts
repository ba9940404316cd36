import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createMemoryKeys } from '../access/authn/key-files.ts';
import type { CertificateSigningRequest, ClusterRole, Secret } from '../api/types.generated.ts';
import { createHttpClient } from '../client/http-client.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { createMemoryStore } from '../store/memory.ts';
import { accessConfig, placedFiles } from './access-config.ts';
import { type Cluster, startCluster } from './library/start-cluster.ts';
import { startServer } from './server.ts';
import { openServerKeys } from './server-keys.ts';

const CSRS = { apiVersion: 'certificates.k8s.io/v1', resource: 'certificatesigningrequests' };
const ROLES = { apiVersion: 'rbac.authorization.k8s.io/v1', resource: 'clusterroles' };
let cluster: Cluster;
let directory: string;
before(async () => {
  cluster = await startCluster({ nodes: 0 });
  directory = await mkdtemp(join(tmpdir(), 'amphora-access-'));
});
after(async () => {
  await cluster.close();
  await rm(directory, { recursive: true });
});

function requestPem(subject: string): string {
  const args = ['-newkey', 'rsa:2048', '-keyout', join(directory, 'key.pem'), '-subj', subject];
  return execFileSync('openssl', ['req', '-new', '-nodes', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
}

function conditions(...types: string[]) {
  return types.map((type) => ({ type, status: 'True', reason: 'Test', message: 'by a test' }));
}

test('a request that is approved becomes a certificate that the server takes', async () => {
  const { client } = cluster;
  const request = Buffer.from(requestPem('/O=devs/CN=jane')).toString('base64');
  const spec = { request, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
  const made = await client.create<CertificateSigningRequest>(CSRS, {
    apiVersion: CSRS.apiVersion,
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec,
  });
  const approved = { ...made, status: { conditions: conditions('Approved') } };
  await client.update({ ...CSRS, name: 'jane', subresource: 'approval' }, approved);
  const signed = await client.waitFor<CertificateSigningRequest>(
    { ...CSRS, name: 'jane' },
    ({ status }) => (status?.certificate ?? '') !== '',
  );
  const cert = Buffer.from(signed.status?.certificate ?? '', 'base64').toString();
  const key = await readFile(join(directory, 'key.pem'), 'utf8');
  const ca = /certificate-authority-data":\s*"([^"]+)"/.exec(cluster.kubeconfig)?.[1] ?? '';
  const jane = createHttpClient({
    server: cluster.url,
    ca: Buffer.from(ca, 'base64').toString(),
    cert,
    key,
    clock: systemClock,
  });
  try {
    const review = { apiVersion: 'authentication.k8s.io/v1', resource: 'selfsubjectreviews' };
    const who = await jane.create<{ status: { userInfo: { username: string; groups: string[] } } }>(review, {
      apiVersion: review.apiVersion,
      kind: 'SelfSubjectReview',
    });
    assert.deepEqual(
      [who.status.userInfo.username, who.status.userInfo.groups],
      ['jane', ['devs', 'system:authenticated']],
    );
  } finally {
    await jane.close();
  }
});

test('default roles are there, and the aggregated ones have gathered their rules', async () => {
  const { client } = cluster;
  const view = await client.waitFor<ClusterRole>(
    { ...ROLES, name: 'view' },
    ({ rules }) => (rules ?? []).length > 0,
  );
  assert.equal(view.metadata?.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true');
  const admin = await client.waitFor<ClusterRole>({ ...ROLES, name: 'admin' }, ({ rules }) =>
    (rules ?? []).some(({ resources }) => resources?.includes('rolebindings')),
  );
  assert.ok((admin.rules ?? []).length > (view.rules ?? []).length);
});

test('a Secret that asks for a token gets one, and goes with its account', async () => {
  const { client } = cluster;
  const namespace = 'default';
  const accounts = { apiVersion: 'v1', resource: 'serviceaccounts', namespace };
  const secrets = { apiVersion: 'v1', resource: 'secrets', namespace };
  await client.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot' } });
  await client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'bot-token', annotations: { 'kubernetes.io/service-account.name': 'bot' } },
    type: 'kubernetes.io/service-account-token',
  });
  const filled = await client.waitFor<Secret>(
    { ...secrets, name: 'bot-token' },
    ({ data }) => (data?.token ?? '') !== '',
  );
  const token = Buffer.from(filled.data?.token ?? '', 'base64').toString();
  const reviews = { apiVersion: 'authentication.k8s.io/v1', resource: 'tokenreviews' };
  const review = { apiVersion: reviews.apiVersion, kind: 'TokenReview', spec: { token } };
  type Answer = { status: { authenticated: boolean; user?: { username: string } } };
  const good = await client.create<Answer>(reviews, review);
  assert.equal(good.status.user?.username, 'system:serviceaccount:default:bot');
  await client.delete({ ...accounts, name: 'bot' });
  await client.waitGone({ ...secrets, name: 'bot-token' });
  assert.equal((await client.create<Answer>(reviews, review)).status.authenticated, false);
});

test('a server with an audit policy writes down what happens', async () => {
  const policy = join(directory, 'policy.yaml');
  const log = join(directory, 'audit.log');
  await writeFile(
    policy,
    'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  omitStages: [RequestReceived]\n',
  );
  const keys = createMemoryKeys();
  const options = {
    store: createMemoryStore(),
    keys,
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLogger(),
  };
  const server = await startServer({ ...options, access: { auditPolicy: policy, auditLog: log } });
  try {
    const { pki } = await openServerKeys(keys);
    const { certificate, key } = await pki.issue({ user: 'admin', groups: ['system:masters'] });
    const url = `https://127.0.0.1:${server.port}`;
    const client = createHttpClient({
      server: url,
      ca: pki.caCertificate,
      cert: certificate,
      key,
      clock: systemClock,
    });
    await client.list({ apiVersion: 'v1', resource: 'nodes' });
    await client.close();
  } finally {
    await server.close();
  }
  const lines = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { requestURI: string });
  assert.ok(
    lines.some(({ requestURI }) => requestURI.startsWith('/api/v1/nodes')),
    lines.join('\n'),
  );
});

test('a server does not start with a policy it cannot read', async () => {
  const policy = join(directory, 'bad.yaml');
  await writeFile(policy, 'kind: Policy\n');
  const options = { store: createMemoryStore(), keys: createMemoryKeys(), host: '127.0.0.1', port: 0 };
  await assert.rejects(
    startServer({ ...options, clock: systemClock, log: silentLogger(), access: { auditPolicy: policy } }),
    /audit policy/,
  );
});

test('flags are remembered, taken back by an empty path, and lead to the copies that the server reads', () => {
  const first = accessConfig(undefined, {
    auditPolicy: '/a/policy.yaml',
    authenticationConfig: '/a/jwt.yaml',
  });
  assert.deepEqual(accessConfig(first, { authenticationConfig: '' }), { auditPolicy: '/a/policy.yaml' });
  assert.throws(() => accessConfig(undefined, { auditLog: '/a/log' }), /go with --audit-policy/);
  assert.deepEqual(placedFiles(first, { serverState: '/s', log: '/l' }), {
    authenticationConfig: '/s/access/authentication.yaml',
    auditPolicy: '/s/access/audit-policy.yaml',
    auditLog: '/l/audit/audit.log',
  });
});
