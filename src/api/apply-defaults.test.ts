import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from './apply-defaults.ts';
import { isJsonObject } from './json.ts';
import { createKindTable } from './kinds.ts';

const table = createKindTable();

function withDefaults(apiVersion: string, kind: string, object: unknown): unknown {
  const schema = table.schemaOf(apiVersion, kind);
  assert.ok(schema !== undefined);
  const before = structuredClone(object);
  const filled = applyDefaults(schema, object);
  assert.deepEqual(object, before, 'the value given is not changed');
  assert.equal(applyDefaults(schema, filled), filled, 'nothing is missing the second time');
  return filled;
}

test('a pod gets what a missing field means', () => {
  const pod = withDefaults('v1', 'Pod', {
    spec: { containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] },
  });
  assert.deepEqual(pod, {
    spec: {
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'a',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
        },
      ],
    },
  });
});

test('defaults are filled in themselves, and what is set stays', () => {
  const filled = withDefaults('apps/v1', 'Deployment', { spec: { replicas: 0 } });
  assert.ok(isJsonObject(filled));
  assert.deepEqual(filled.spec, {
    replicas: 0,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  });
});

test('an object that is not there is not made', () => {
  assert.deepEqual(withDefaults('v1', 'Pod', { metadata: { name: 'a' } }), { metadata: { name: 'a' } });
});

test('two objects do not share a default', () => {
  const [a, b] = [{ spec: {} }, { spec: {} }].map((each) => withDefaults('apps/v1', 'Deployment', each));
  assert.ok(isJsonObject(a) && isJsonObject(b) && isJsonObject(a.spec) && isJsonObject(b.spec));
  assert.notEqual(a.spec.strategy, b.spec.strategy);
});
