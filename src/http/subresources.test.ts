import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPod, type Fixture, startFixture } from './testing/fixture.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
  await createPod(fixture.registry, 'web', 'box');
});
after(() => fixture[Symbol.asyncDispose]());

test('an approval changes the conditions of a signing request and nothing else', async () => {
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const spec = { request: 'Ag==', signerName: 'example.com/signer', usages: ['client auth'] };
  const made = await fixture.call('POST', path, { body: { metadata: { name: 'csr' }, spec } });
  assert.equal(made.status, 201, made.text);
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Ok', message: '' }];
  const answer = await fixture.call('PATCH', `${path}/csr/approval`, {
    body: { status: { conditions, certificate: 'Ag==' }, spec: { signerName: 'other.com/signer' } },
    headers: MERGE,
  });
  assert.equal(answer.status, 200, answer.text);
  const { status, spec: kept } = answer.json<{ status: object; spec: { signerName: string } }>();
  assert.deepEqual(status, { conditions });
  assert.equal(kept.signerName, 'example.com/signer');
});

test('what cannot be written yet says so', async () => {
  const pod = '/api/v1/namespaces/default/pods/web';
  assert.equal((await fixture.call('GET', `${pod}/resize`)).status, 200);
  const resize = await fixture.call('PATCH', `${pod}/resize`, { body: { spec: {} }, headers: MERGE });
  assert.deepEqual([resize.status, resize.json().message], [501, 'pods/resize cannot be written yet']);
});
