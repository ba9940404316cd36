import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission } from '../access/admission/admission.ts';
import { allPlugins } from '../access/testing/plugins.ts';
import { isJsonObject } from '../api/json.ts';
import type { ApiObject } from '../api/kind.ts';
import { AmphoraError } from '../lib/errors.ts';
import { items, part } from './fields.ts';
import { bench, configMap, kindOf, pod } from './testing/bench.ts';

const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };
const admission = createAdmission(
  allPlugins(undefined, {
    unsupported: { microvm: ['spec.containers[*].securityContext.privileged', 'spec.hostNetwork'] },
  }),
);

async function cluster() {
  const made = bench({ admission });
  const { registry, context } = made;
  const create = (resource: string, object: object, group = '', version = 'v1', namespace = '') =>
    registry.create(context, { kind: kindOf(group, version, resource), namespace }, object as ApiObject);
  await create('namespaces', { metadata: { name: 'default' } });
  await create('serviceaccounts', { metadata: { name: 'default' } }, '', 'v1', 'default');
  await create(
    'runtimeclasses',
    {
      metadata: { name: 'microvm' },
      handler: 'microvm',
      overhead: { podFixed: { memory: '64Mi' } },
      scheduling: { nodeSelector: { 'amphora.dev/kvm': 'true' } },
    },
    'node.k8s.io',
  );
  return made;
}

test('a pod gets upstream defaults, its account token, priority and class', async () => {
  const { registry, context } = await cluster();
  const made = await registry.create(context, pods, pod('p', { runtimeClassName: 'microvm' }));
  const spec = part(made.object(), 'spec');
  assert.equal(spec.restartPolicy, 'Always');
  assert.equal(spec.dnsPolicy, 'ClusterFirst');
  assert.equal(spec.terminationGracePeriodSeconds, 30);
  assert.equal(spec.schedulerName, 'default-scheduler');
  assert.equal(spec.enableServiceLinks, true);
  assert.equal(spec.serviceAccountName, 'default');
  assert.equal(spec.priority, 0);
  assert.deepEqual(spec.overhead, { memory: '64Mi' });
  assert.deepEqual(spec.nodeSelector, { 'amphora.dev/kvm': 'true' });
  assert.equal(items(spec, 'tolerations').length, 2);
  const [container] = items(spec, 'containers');
  assert.equal(container?.imagePullPolicy, 'IfNotPresent');
  assert.equal(container?.terminationMessagePath, '/dev/termination-log');
  const [mount] = items(container, 'volumeMounts');
  assert.equal(mount?.mountPath, '/var/run/secrets/kubernetes.io/serviceaccount');
  const [volume] = items(spec, 'volumes');
  assert.equal(volume?.name, mount?.name);
  assert.equal(items(part(volume, 'projected'), 'sources').length, 3);
  assert.deepEqual(part(made.object(), 'status'), { phase: 'Pending', qosClass: 'BestEffort' });
});

test('an image without a tag is pulled always; limits become requests and the class of service', async () => {
  const { registry, context } = await cluster();
  const limits = { cpu: '1', memory: '64Mi' };
  const spec = { containers: [{ name: 'a', image: 'localhost:5000/app', resources: { limits } }] };
  const made = await registry.create(context, pods, pod('p', spec));
  const [container] = items(part(made.object(), 'spec'), 'containers');
  assert.equal(container?.imagePullPolicy, 'Always');
  assert.deepEqual(part(container, 'resources').requests, limits);
  assert.equal(part(made.object(), 'status').qosClass, 'Guaranteed');
});

test('what is wrong with a pod is said with the path of the field', async () => {
  const { registry, context } = await cluster();
  const spec = {
    restartPolicy: 'Sometimes',
    containers: [
      { name: 'a', image: 'x:1', volumeMounts: [{ name: 'gone', mountPath: '/x' }] },
      {
        name: 'a',
        ports: [{ containerPort: 70000 }],
        resources: { requests: { cpu: '2' }, limits: { cpu: '1' } },
      },
      { name: 'B', image: 'x', readinessProbe: {} },
    ],
  };
  const error = await registry.create(context, pods, pod('p', spec)).then(
    () => assert.fail('it was taken'),
    (caught: unknown) => AmphoraError.from(caught),
  );
  assert.equal(error.code, 'Invalid');
  const said = error.details.map((detail) => `${detail.field} ${detail.reason}`);
  for (const expected of [
    'spec.restartPolicy FieldValueNotSupported',
    'spec.containers[0].volumeMounts[0].name FieldValueNotFound',
    'spec.containers[1].name FieldValueDuplicate',
    'spec.containers[1].image FieldValueRequired',
    'spec.containers[1].ports[0].containerPort FieldValueInvalid',
    'spec.containers[1].resources.requests FieldValueInvalid',
    'spec.containers[2].name FieldValueInvalid',
    'spec.containers[2].readinessProbe FieldValueRequired',
  ])
    assert.ok(said.includes(expected), `${expected} is not in ${said.join('; ')}`);
});

test('admission refuses what cannot be: namespace, account, class, and what the class cannot do', async () => {
  const { registry, context } = await cluster();
  const create = (spec: Record<string, unknown>, namespace = 'default') =>
    registry.create(context, { ...pods, namespace }, pod('p', spec));
  await assert.rejects(create({}, 'gone'), { code: 'NotFound', message: 'namespaces "gone" not found' });
  await assert.rejects(create({ serviceAccountName: 'gone' }), { code: 'Forbidden' });
  await assert.rejects(create({ runtimeClassName: 'gone' }), {
    code: 'Forbidden',
    message: 'pods "p" is forbidden: pod rejected: RuntimeClass "gone" not found',
  });
  await assert.rejects(create({ priorityClassName: 'gone' }), { code: 'Forbidden' });
  const privileged = { name: 'a', image: 'x:1', securityContext: { privileged: true } };
  await assert.rejects(create({ runtimeClassName: 'microvm', containers: [privileged] }), (error) => {
    const [detail] = AmphoraError.from(error).details;
    return detail?.field === 'spec.containers[0].securityContext.privileged';
  });
});

test("a pod's spec stays as it is, but for images and more tolerations", async () => {
  const { registry, context } = await cluster();
  const target = { ...pods, name: 'p' };
  await registry.create(context, pods, pod('p'));
  const merge = (spec: object) => registry.patch(context, target, { type: 'strategic', value: { spec } });
  await merge({ containers: [{ name: 'main', image: 'app:2' }] });
  await assert.rejects(merge({ hostname: 'other' }), { code: 'Invalid' });
  await assert.rejects(merge({ containers: [{ name: 'main', command: ['x'] }] }), { code: 'Invalid' });
});

test('a pod is bound once, ends gracefully on its node, and at once without one', async () => {
  const { registry, context } = await cluster();
  const target = { ...pods, name: 'p' };
  await registry.create(context, pods, pod('p'));
  const bind = () =>
    registry.create(
      context,
      { ...target, subresource: 'binding' },
      {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name: 'p' },
        target: { kind: 'Node', name: 'box' },
      },
    );
  await bind();
  const bound = (await registry.get(context, target, {})).object();
  assert.equal(part(bound, 'spec').nodeName, 'box');
  assert.equal(items(part(bound, 'status'), 'conditions')[0]?.type, 'PodScheduled');
  await assert.rejects(bind(), { code: 'Conflict' });
  const ending = await registry.delete(context, target, {});
  assert.equal(ending.gone, false);
  assert.equal(ending.object.object().metadata.deletionGracePeriodSeconds, 30);
  const hurried = await registry.delete(context, target, { gracePeriodSeconds: 5 });
  assert.equal(hurried.object.object().metadata.deletionGracePeriodSeconds, 5);
  const later = await registry.delete(context, target, { gracePeriodSeconds: 60 });
  assert.equal(later.object.object().metadata.deletionGracePeriodSeconds, 5);
  assert.equal((await registry.delete(context, target, { gracePeriodSeconds: 0 })).gone, true);
  await registry.create(context, pods, pod('q'));
  assert.equal((await registry.delete(context, { ...pods, name: 'q' }, {})).gone, true);
});

test('a namespace is kept until it is finalized, and takes nothing new meanwhile', async () => {
  const { registry, context } = await cluster();
  const kind = kindOf('', 'v1', 'namespaces');
  const target = { kind, namespace: '', name: 'n' };
  await registry.create(
    context,
    { kind, namespace: '' },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } },
  );
  const deleted = await registry.delete(context, target, {});
  assert.equal(deleted.gone, false);
  assert.equal(part(deleted.object.object(), 'status').phase, 'Terminating');
  const maps = { kind: kindOf('', 'v1', 'configmaps'), namespace: 'n' };
  await assert.rejects(registry.create(context, maps, configMap('a')), { code: 'Forbidden' });
  await registry.update(
    context,
    { ...target, subresource: 'finalize' },
    { ...deleted.object.object(), spec: {} },
  );
  await assert.rejects(registry.get(context, target, {}), { code: 'NotFound' });
});

test('the two versions of an autoscaler are one object, and a scale writes replicas only', async () => {
  const { registry, context } = await cluster();
  const v1 = { kind: kindOf('autoscaling', 'v1', 'horizontalpodautoscalers'), namespace: 'default' };
  const v2 = { kind: kindOf('autoscaling', 'v2', 'horizontalpodautoscalers'), namespace: 'default' };
  const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' };
  await registry.create(context, v1, {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { maxReplicas: 3, targetCPUUtilizationPercentage: 70, scaleTargetRef },
  });
  const newer = (await registry.get(context, { ...v2, name: 'h' }, {})).object();
  assert.equal(newer.apiVersion, 'autoscaling/v2');
  const [metric] = items(part(newer, 'spec'), 'metrics');
  assert.equal(part(part(metric, 'resource'), 'target').averageUtilization, 70);
  const older = (await registry.get(context, { ...v1, name: 'h' }, {})).object();
  assert.equal(part(older, 'spec').targetCPUUtilizationPercentage, 70);
  assert.equal(part(older, 'spec').metrics, undefined);

  const deployments = { kind: kindOf('apps', 'v1', 'deployments'), namespace: 'default' };
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'x:1' }] } };
  await registry.create(context, deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: labels }, template },
  });
  const scale = { ...deployments, name: 'web', subresource: 'scale' };
  const read = (await registry.get(context, scale, {})).object();
  assert.deepEqual(read.spec, { replicas: 1 });
  assert.ok(isJsonObject(read.status) && read.status.selector === 'app=web');
  await registry.update(context, scale, { ...read, spec: { replicas: 4 } });
  const deployment = (await registry.get(context, { ...deployments, name: 'web' }, {})).object();
  assert.equal(part(deployment, 'spec').replicas, 4);
  assert.equal(deployment.metadata.generation, 2);
});

test('secrets take stringData, and immutable ones stay', async () => {
  const { registry, context } = await cluster();
  const secrets = { kind: kindOf('', 'v1', 'secrets'), namespace: 'default' };
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's' },
    stringData: { a: 'b' },
    immutable: true,
  };
  const made = await registry.create(context, secrets, object);
  assert.deepEqual(made.object().data, { a: 'Yg==' });
  assert.equal(made.object().stringData, undefined);
  assert.equal(made.object().type, 'Opaque');
  const patch = { type: 'merge', value: { data: { a: 'Yw==' } } } as const;
  await assert.rejects(registry.patch(context, { ...secrets, name: 's' }, patch), { code: 'Invalid' });
});
