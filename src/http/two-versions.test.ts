import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, startFixture } from './testing/fixture.ts';

let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture[Symbol.asyncDispose]());

const CASES: readonly [what: string, first: string, second: string, body: object][] = [
  [
    'an autoscaler',
    '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers',
    '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    {
      spec: {
        minReplicas: 2,
        maxReplicas: 5,
        targetCPUUtilizationPercentage: 70,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      },
    },
  ],
  [
    'an event',
    '/api/v1/namespaces/default/events',
    '/apis/events.k8s.io/v1/namespaces/default/events',
    {
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
      reason: 'Started',
      message: 'Started container',
      type: 'Normal',
      count: 3,
      source: { component: 'agent', host: 'box' },
    },
  ],
];
for (const [what, first, second, body] of CASES)
  test(`${what} written in one version and rewritten in the other reads the same in the first`, async () => {
    const made = await fixture.call('POST', first, { body: { ...body, metadata: { name: 'x' } } });
    assert.equal(made.status, 201, made.text);
    const before = (await fixture.call('GET', `${first}/x`)).json<{ apiVersion: string; metadata: object }>();
    const other = await fixture.call('GET', `${second}/x`);
    assert.notEqual(other.json().apiVersion, before.apiVersion);
    const label = { ...other.json<{ metadata: object }>().metadata, labels: { seen: 'yes' } };
    const put = await fixture.call('PUT', `${second}/x`, {
      body: { ...other.json<object>(), metadata: label },
    });
    assert.equal(put.status, 200, put.text);
    const { metadata, ...rest } = (await fixture.call('GET', `${first}/x`)).json<{
      apiVersion: string;
      metadata: { labels: object };
    }>();
    const { metadata: _metadata, ...was } = before;
    assert.deepEqual(rest, was);
    assert.deepEqual(metadata.labels, { seen: 'yes' });
  });
