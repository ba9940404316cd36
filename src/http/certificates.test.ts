import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { KeyPair } from '../access/authn/certificates.ts';
import { allPlugins } from '../access/testing/plugins.ts';
import { type CallOptions, type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CLIENT = 'kubernetes.io/kube-apiserver-client';
let fixture: Fixture;
let jane: KeyPair;
let pem: string;

before(async () => {
  fixture = await startFixture({ plugins: (live, access) => allPlugins(live, { access }) });
  jane = await fixture.pki.issue({ user: 'jane', groups: ['devs'] });
  pem = requestPem('/O=devs/CN=jane');
  const rules = [
    {
      verbs: ['create', 'get', 'update', 'patch'],
      apiGroups: ['certificates.k8s.io'],
      resources: [
        'certificatesigningrequests',
        'certificatesigningrequests/approval',
        'certificatesigningrequests/status',
      ],
    },
    {
      verbs: ['approve', 'sign'],
      apiGroups: ['certificates.k8s.io'],
      resources: ['signers'],
      resourceNames: ['example.com/*'],
    },
  ];
  await fixture.call('POST', `${RBAC}/clusterroles`, { body: { metadata: { name: 'csr' }, rules } });
  const roleRef = { kind: 'ClusterRole', name: 'csr' };
  const subjects = [{ kind: 'User', name: 'jane' }];
  await fixture.call('POST', `${RBAC}/clusterrolebindings`, {
    body: { metadata: { name: 'csr' }, roleRef, subjects },
  });
  await waitFor(async () => (await ask('probe', {}, { as: jane })).status === 201);
});
after(() => fixture[Symbol.asyncDispose]());

function requestPem(subject: string): string {
  const key = join(fixture.directory, 'key.pem');
  const args = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-subj', subject];
  return execFileSync('openssl', ['req', '-new', '-nodes', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
}

function ask(name: string, spec: object, options: CallOptions = {}) {
  const request = Buffer.from(pem).toString('base64');
  const body = {
    metadata: { name },
    spec: { request, signerName: CLIENT, usages: ['client auth'], ...spec },
  };
  return fixture.call('POST', CSRS, { body, ...options });
}

type Csr = {
  spec: Record<string, unknown>;
  status: { conditions?: Record<string, string>[]; certificate?: string };
};

async function change(name: string, subresource: string, status: object, as: KeyPair) {
  const current = (await fixture.call('GET', `${CSRS}/${name}`)).json<Csr>();
  const body = { ...current, status: { ...current.status, ...status } };
  return await fixture.call('PUT', `${CSRS}/${name}/${subresource}`, { body, as });
}

const APPROVED = { conditions: [{ type: 'Approved', status: 'True', reason: 'x', message: 'y' }] };

test('the server says who asks, whatever the body says, and it never changes', async () => {
  const lie = { username: 'admin', uid: '7', groups: ['system:masters'], extra: { a: ['b'] } };
  const made = await ask('mine', lie, { as: jane });
  assert.equal(made.status, 201, made.text);
  const { username, groups, uid } = made.json<Csr>().spec;
  assert.deepEqual([username, groups, uid], ['jane', ['devs', 'system:authenticated'], undefined]);
  const body = { ...made.json<Csr>(), spec: { ...made.json<Csr>().spec, ...lie } };
  const changed = await fixture.call('PUT', `${CSRS}/mine`, { body });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(changed.json<Csr>().spec.username, 'jane');
});

test('who may write approvals still needs the right to approve for that signer', async () => {
  await ask('approve-me', {}, { as: jane });
  const refused = await change('approve-me', 'approval', APPROVED, jane);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /user not permitted to approve requests with signerName/);
  await ask('own-signer', { signerName: 'example.com/own' }, { as: jane });
  const approved = await change('own-signer', 'approval', APPROVED, jane);
  assert.equal(approved.status, 200, approved.text);
  const [condition] = approved.json<Csr>().status.conditions ?? [];
  assert.ok(condition?.lastUpdateTime && condition.lastTransitionTime);
  const taken = await change('own-signer', 'approval', { conditions: [] }, fixture.admin);
  assert.equal(taken.status, 422, taken.text);
  const both = { conditions: [...APPROVED.conditions, { type: 'Denied', status: 'True' }] };
  assert.equal((await change('own-signer', 'approval', both, jane)).status, 422);
});

test('nor does a status write approve, or sign without the right to', async () => {
  await ask('status', {}, { as: jane });
  const certificate = Buffer.from(fixture.pki.caCertificate).toString('base64');
  assert.equal((await change('status', 'status', { certificate }, jane)).status, 403);
  const sneaked = await change('status', 'status', APPROVED, fixture.admin);
  assert.equal(sneaked.status, 200, sneaked.text);
  assert.deepEqual(sneaked.json<Csr>().status.conditions ?? [], []);
  const text = Buffer.from('hello').toString('base64');
  assert.equal((await change('status', 'status', { certificate: text }, fixture.admin)).status, 422);
  assert.equal((await change('status', 'status', { certificate }, fixture.admin)).status, 200);
  const other = Buffer.from(`${fixture.pki.caCertificate}\n`).toString('base64');
  assert.equal((await change('status', 'status', { certificate: other }, fixture.admin)).status, 422);
});

test('nobody asks for an administrator, or with what is no request', async () => {
  const masters = Buffer.from(requestPem('/O=system:masters/CN=jane')).toString('base64');
  const refused = await ask('masters', { request: masters }, { as: jane });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /signer with system:masters group is not allowed/);
  const table: ReadonlyArray<[object, string]> = [
    [{ request: Buffer.from('no').toString('base64') }, 'spec.request'],
    [{ usages: ['dance'] }, 'spec.usages[0]'],
    [{ usages: [] }, 'spec.usages'],
    [{ signerName: 'kubernetes.io/legacy-unknown' }, 'spec.signerName'],
    [{ signerName: 'nodomain' }, 'spec.signerName'],
    [{ expirationSeconds: 599 }, 'spec.expirationSeconds'],
  ];
  for (const [spec, field] of table) {
    const answer = await ask('bad', spec);
    assert.equal(answer.status, 422, answer.text);
    assert.ok(answer.text.includes(`"${field}"`), answer.text);
  }
});

test('a node asks for a certificate of its own name only', async () => {
  const box = await fixture.pki.issue({ user: 'system:node:box', groups: ['system:nodes'] });
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  const usages = ['client auth', 'digital signature'];
  const of = (name: string) =>
    Buffer.from(requestPem(`/O=system:nodes/CN=system:node:${name}`)).toString('base64');
  const own = await ask('own', { request: of('box'), signerName, usages }, { as: box });
  assert.equal(own.status, 201, own.text);
  const other = await ask('other', { request: of('else'), signerName, usages }, { as: box });
  assert.equal(other.status, 403, other.text);
  assert.match(other.text, /can only create a node CSR with CN=system:node:box/);
});
