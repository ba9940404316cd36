import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAdmission } from '../access/admission/admission.ts';
import { liveOf } from '../access/testing/live-of.ts';
import { allPlugins } from '../access/testing/plugins.ts';
import type { ApiObject } from '../api/kind.ts';
import type { LimitRangeItem } from '../api/types.generated.ts';
import { bench, kindOf, pod } from './testing/bench.ts';

const pods = { kind: kindOf('', 'v1', 'pods'), namespace: 'default' };
const claims = { kind: kindOf('', 'v1', 'persistentvolumeclaims'), namespace: 'default' };

/** A registry with every plugin, a namespace with its account, and what the live view holds. */
async function setUp(live: Readonly<Record<string, readonly ApiObject[]>> = {}) {
  const made = bench({ admission: createAdmission(allPlugins(liveOf(live))) });
  const { registry, context } = made;
  const namespaces = { kind: kindOf('', 'v1', 'namespaces'), namespace: '' };
  await registry.create(context, namespaces, object('Namespace', 'default'));
  const accounts = { kind: kindOf('', 'v1', 'serviceaccounts'), namespace: 'default' };
  await registry.create(context, accounts, object('ServiceAccount', 'default'));
  return made;
}

function object(kind: string, name: string, more: Record<string, unknown> = {}): ApiObject {
  return { apiVersion: 'v1', kind, metadata: { name }, ...more };
}

function limitRange(...limits: LimitRangeItem[]): ApiObject {
  return {
    ...object('LimitRange', 'limits', { spec: { limits } }),
    metadata: { name: 'limits', namespace: 'default' },
  };
}

function podWith(resources: Record<string, unknown>, more: Record<string, unknown> = {}): ApiObject {
  return pod('web', { containers: [{ name: 'main', image: 'app:1', resources }], ...more });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof Error, 'nothing was refused');
  return error.message;
}

test('a container gets the defaults of its namespace, and the pod says so', async () => {
  const range = limitRange({
    type: 'Container',
    default: { cpu: '1', memory: '1Gi' },
    defaultRequest: { cpu: '100m' },
  });
  const { registry, context } = await setUp({ limitranges: [range] });
  const made = await registry.create(
    context,
    pods,
    podWith({ limits: { memory: '2Gi' } }, { initContainers: [{ name: 'first', image: 'a:1' }] }),
  );
  const { metadata, spec } = made.object() as ApiObject & { spec: { containers: { resources: unknown }[] } };
  assert.deepEqual(spec.containers[0]?.resources, {
    limits: { cpu: '1', memory: '2Gi' },
    requests: { cpu: '100m', memory: '2Gi' },
  });
  assert.equal(
    metadata.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu request for container main; cpu limit for container main; cpu request for init container first; cpu, memory limit for init container first',
  );
});

const LIMITS: readonly {
  readonly item: Partial<LimitRangeItem>;
  readonly resources: Record<string, unknown>;
  readonly says?: string;
}[] = [
  { item: { max: { cpu: '1' } }, resources: { limits: { cpu: '1' } } },
  {
    item: { max: { cpu: '1' } },
    resources: { limits: { cpu: '2' } },
    says: 'maximum cpu usage per Container is 1, but limit is 2',
  },
  {
    item: { max: { cpu: '1' } },
    resources: {},
    says: 'maximum cpu usage per Container is 1.  No limit is specified',
  },
  {
    item: { min: { memory: '100Mi' } },
    resources: { requests: { memory: '10Mi' } },
    says: 'minimum memory usage per Container is 100Mi, but request is 10Mi',
  },
  {
    item: { min: { memory: '100Mi' } },
    resources: {},
    says: 'minimum memory usage per Container is 100Mi.  No request is specified',
  },
  {
    item: { maxLimitRequestRatio: { cpu: '2' } },
    resources: { requests: { cpu: '1' }, limits: { cpu: '3' } },
    says: 'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
  },
  {
    item: { type: 'Pod', max: { cpu: '1', memory: '1Gi' } },
    resources: { limits: { cpu: '2', memory: '2Gi' } },
    says: '[maximum cpu usage per Pod is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but limit is 2Gi]',
  },
];
for (const { item, resources, says } of LIMITS)
  test(`${JSON.stringify(item)} with ${JSON.stringify(resources)}: ${says ?? 'allowed'}`, async () => {
    const range = limitRange({ type: 'Container', ...item });
    const { registry, context } = await setUp({ limitranges: [range] });
    const work = registry.create(context, pods, podWith(resources));
    if (says === undefined) await work;
    else assert.equal(await refusal(work), `pods "web" is forbidden: ${says}`);
  });

test('a LimitRange fills itself in, and is checked', async () => {
  const { registry, context } = await setUp();
  const target = { kind: kindOf('', 'v1', 'limitranges'), namespace: 'default' };
  const item = { type: 'Container', max: { cpu: '2' }, min: { cpu: '1', memory: '1Mi' } };
  const made = await registry.create(context, target, limitRange(item));
  assert.deepEqual((made.object().spec as { limits: unknown[] }).limits, [
    { ...item, default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } },
  ]);
  const upside = limitRange({ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' } });
  assert.match(
    await refusal(registry.create(context, target, { ...upside, metadata: { name: 'b' } })),
    /spec\.limits\[0\]\.min\[cpu\]: Invalid value: "2": min value 2 is greater than max value 1/,
  );
});

test('a claim gets the default class and a finalizer, and grows when its class lets it', async () => {
  const storageClass = (name: string, creationTimestamp: string, more: Record<string, unknown> = {}) => ({
    ...object('StorageClass', name, more),
    metadata: {
      name,
      creationTimestamp,
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
  });
  const { registry, context } = await setUp({
    'storageclasses.storage.k8s.io': [
      storageClass('old', '2020-01-01T00:00:00Z'),
      storageClass('new', '2021-01-01T00:00:00Z', { allowVolumeExpansion: true }),
    ],
  });
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const made = await registry.create(context, claims, object('PersistentVolumeClaim', 'data', { spec }));
  const claim = made.object() as ApiObject & { spec: Record<string, unknown> };
  assert.equal(claim.spec.storageClassName, 'new');
  assert.deepEqual(claim.metadata.finalizers, ['kubernetes.io/pvc-protection']);
  const larger = { ...claim.spec, resources: { requests: { storage: '2Gi' } } };
  const target = { ...claims, name: 'data' };
  const grow = () => registry.patch(context, target, { type: 'merge', value: { spec: larger } });
  assert.match(await refusal(grow()), /spec is immutable after creation/);
  const status = { type: 'merge', value: { status: { phase: 'Bound' } } } as const;
  await registry.patch(context, { ...target, subresource: 'status' }, status);
  await grow();
});

test('a new node is not ready; there is one default priority', async () => {
  const { registry, context } = await setUp();
  const nodes = { kind: kindOf('', 'v1', 'nodes'), namespace: '' };
  const node = (await registry.create(context, nodes, object('Node', 'box'))).object();
  assert.deepEqual((node.spec as Record<string, unknown>).taints, [
    { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
  ]);
  const classes = { kind: kindOf('scheduling.k8s.io', 'v1', 'priorityclasses'), namespace: '' };
  const priority = (name: string) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value: 7,
    globalDefault: true,
  });
  await registry.create(context, classes, priority('a'));
  assert.equal(
    await refusal(registry.create(context, classes, priority('b'))),
    'priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. Only one default can exist',
  );
});

test('a namespace refuses pods, warns of templates, and tells who makes it stricter', async () => {
  const { registry, context, warnings } = await setUp();
  const namespaces = { kind: kindOf('', 'v1', 'namespaces'), namespace: '' };
  const label = (enforce: string) =>
    registry.patch(
      context,
      { ...namespaces, name: 'default' },
      { type: 'merge', value: { metadata: { labels: { 'pod-security.kubernetes.io/enforce': enforce } } } },
    );
  await registry.create(context, pods, pod('old', { hostNetwork: true }));
  await registry.create(context, pods, pod('older', { hostNetwork: true }));
  await label('baseline');
  assert.deepEqual(warnings, [
    'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
    'old (and 1 other pod): host namespaces',
  ]);
  assert.equal(
    await refusal(registry.create(context, pods, pod('web', { hostPID: true }))),
    'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
  );
  await registry.create(context, pods, pod('web'));
  warnings.length = 0;
  const deployments = { kind: kindOf('apps', 'v1', 'deployments'), namespace: 'default' };
  const template = {
    metadata: { labels: { app: 'a' } },
    spec: { ...(pod('x').spec as object), hostIPC: true },
  };
  const spec = { selector: { matchLabels: { app: 'a' } }, template };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec };
  await registry.create(context, deployments, deployment);
  assert.deepEqual(warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostIPC=true)']);
  assert.equal(
    await refusal(label('strict')),
    'Namespace "default" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  );
});
