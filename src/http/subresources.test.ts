import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPod, type Fixture, startFixture } from './testing/fixture.ts';

const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const POD = '/api/v1/namespaces/default/pods/web';
let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
  await createPod(fixture.registry, 'web', 'box');
});
after(() => fixture[Symbol.asyncDispose]());

test('a pod is resized, and refused a resize that changes its class of service', async () => {
  assert.equal((await fixture.call('GET', `${POD}/resize`)).status, 200);
  const patch = (resources: object) =>
    fixture.call('PATCH', `${POD}/resize`, {
      body: { spec: { containers: [{ name: 'main', resources }] } },
      headers: STRATEGIC,
    });
  const refused = await patch({ requests: { cpu: '1' } });
  assert.deepEqual(
    [refused.status, refused.json().message],
    [
      422,
      'Pod "web" is invalid: spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ],
  );
  const same = await patch({});
  assert.equal(same.status, 200, same.text);
});

test('an ephemeral container is added to a pod that runs', async () => {
  const ephemeralContainers = [{ name: 'look', image: 'tools:1', targetContainerName: 'main' }];
  const answer = await fixture.call('PATCH', `${POD}/ephemeralcontainers`, {
    body: { spec: { ephemeralContainers } },
    headers: STRATEGIC,
  });
  assert.equal(answer.status, 200, answer.text);
  const { spec } = answer.json<{ spec: { ephemeralContainers: { name: string }[] } }>();
  assert.deepEqual(
    spec.ephemeralContainers.map(({ name }) => name),
    ['look'],
  );
  const direct = await fixture.call('PATCH', POD, {
    body: { spec: { ephemeralContainers: [{ name: 'more', image: 'tools:1' }] } },
    headers: STRATEGIC,
  });
  assert.equal(direct.status, 422, direct.text);
});
