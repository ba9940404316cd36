import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { nodeRestriction } from '../access/admission/plugins/node-restriction.ts';
import type { KeyPair } from '../access/authn/certificates.ts';
import { createPod, type Fixture, startFixture } from './testing/fixture.ts';

const NODES = '/api/v1/nodes';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const MERGE = { 'content-type': 'application/merge-patch+json' };
let fixture: Fixture;
let mallory: KeyPair;
before(async () => {
  fixture = await startFixture({ plugins: [nodeRestriction] });
  mallory = await fixture.pki.issue({ user: 'system:node:mallory', groups: ['system:nodes'] });
  await fixture.call('POST', '/api/v1/namespaces', { body: { metadata: { name: 'kube-node-lease' } } });
  for (const name of ['victim', 'mallory']) {
    const answer = await fixture.call('POST', NODES, { body: node(name) });
    assert.equal(answer.status, 201, answer.text);
    await createPod(fixture.registry, `on-${name}`, name);
  }
});
after(() => fixture[Symbol.asyncDispose]());

function node(name: string, labels: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } };
}

/** What a node that was taken over would try, and where the refusal must come from a name inside the body. */
const ATTACKS: readonly [what: string, method: string, path: string, body: object][] = [
  ['registers another node', 'POST', NODES, node('other')],
  ['takes a lease in the name of another', 'POST', LEASES, { metadata: { name: 'victim' } }],
  ["writes another node's status", 'PATCH', `${NODES}/victim/status`, { status: { phase: 'x' } }],
  [
    'labels itself as trusted',
    'PATCH',
    `${NODES}/mallory`,
    { metadata: { labels: { 'node-restriction.kubernetes.io/pci': 'yes' } } },
  ],
  [
    'labels itself under a subdomain',
    'PATCH',
    `${NODES}/mallory`,
    { metadata: { labels: { 'x.node-restriction.kubernetes.io/pci': 'yes' } } },
  ],
  ['taints itself', 'PATCH', `${NODES}/mallory`, { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }],
  [
    'writes the status of a pod elsewhere',
    'PATCH',
    '/api/v1/namespaces/default/pods/on-victim/status',
    { status: { phase: 'Failed' } },
  ],
  [
    'relabels a pod through its status',
    'PATCH',
    '/api/v1/namespaces/default/pods/on-mallory/status',
    { metadata: { labels: { app: 'web' } } },
  ],
  ['deletes a pod elsewhere', 'DELETE', '/api/v1/namespaces/default/pods/on-victim', {}],
  [
    'creates a pod',
    'POST',
    '/api/v1/namespaces/default/pods',
    { metadata: { name: 'p' }, spec: { nodeName: 'mallory', containers: [{ name: 'a', image: 'b' }] } },
  ],
];
for (const [what, method, path, body] of ATTACKS)
  test(`a node that ${what} is refused`, async () => {
    const headers = method === 'PATCH' ? MERGE : {};
    const answer = await fixture.call(method, path, { body, headers, as: mallory });
    assert.equal(answer.status, 403, answer.text);
  });

test('a node that registers with a restricted label is refused', async () => {
  const fresh = await fixture.pki.issue({ user: 'system:node:fresh', groups: ['system:nodes'] });
  const body = node('fresh', { 'node-restriction.kubernetes.io/pci': 'yes' });
  assert.equal((await fixture.call('POST', NODES, { body, as: fresh })).status, 403);
  assert.equal((await fixture.call('POST', NODES, { body: node('fresh'), as: fresh })).status, 201);
});

test('a node writes its own', async () => {
  const as = mallory;
  const lease = await fixture.call('POST', LEASES, { body: { metadata: { name: 'mallory' } }, as });
  assert.equal(lease.status, 201, lease.text);
  const label = await fixture.call('PATCH', `${NODES}/mallory`, {
    body: { metadata: { labels: { zone: 'a' } } },
    headers: MERGE,
    as,
  });
  assert.equal(label.status, 200, label.text);
  const pod = '/api/v1/namespaces/default/pods/on-mallory';
  const status = await fixture.call('PATCH', `${pod}/status`, {
    body: { status: { phase: 'Running' } },
    headers: MERGE,
    as,
  });
  assert.equal(status.status, 200, status.text);
  assert.equal((await fixture.call('DELETE', `${pod}?gracePeriodSeconds=0`, { as })).status, 200);
});
