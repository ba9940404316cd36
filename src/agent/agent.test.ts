import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podOf, World } from './testing/world.ts';

const signal = new AbortController().signal;
const ready = (status: { conditions?: Array<{ type: string; status: string }> }) =>
  status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;

test('a pod becomes Ready with address, ids and events, and others keep their conditions', async () => {
  await using world = await World.make();
  world.create('web', {});
  const status = await world.until('web', ready);
  assert.equal(status.phase, 'Running');
  assert.match(status.podIP ?? '', /^10\.88\./);
  assert.equal(status.hostIP, '10.0.0.1');
  assert.equal(
    status.conditions?.some(({ type }) => type === 'PodScheduled'),
    true,
  );
  const [container] = status.containerStatuses ?? [];
  assert.equal(container?.containerID, 'fake://uid-web-0-c-0');
  assert.deepEqual([container?.ready, container?.started, container?.restartCount], [true, true, 0]);
  await world.eventually(() => world.events().includes('Started: Started container c'));
  assert.ok(world.api.objects.has('nodes//n'));
  assert.ok(world.api.objects.has('leases/kube-node-lease/n'));
});

test('a killed agent adopts what runs, restarting nothing and telling nothing twice', async () => {
  await using world = await World.make();
  world.create('web', {});
  await world.until('web', ready);
  await world.eventually(() => world.events().includes('Started: Started container c'));
  await world.stop();
  world.start();
  world.create('other', {});
  await world.until('other', ready);
  const [sandbox] = (await world.engine.list(signal)).filter(({ podUid }) => podUid === 'uid-web');
  assert.deepEqual(
    sandbox?.containers.map(({ attempt, state }) => [attempt, state]),
    [[0, 'running']],
  );
  assert.equal(world.status('web').containerStatuses?.[0]?.restartCount, 0);
});

test('a deleted pod is stopped, given back and only then let go', async () => {
  await using world = await World.make();
  world.create('web', {});
  await world.until('web', ready);
  const pod = world.api.pod('web') ?? podOf('web', {});
  const metadata = {
    ...pod.metadata,
    deletionTimestamp: new Date(Date.now() + 1000).toISOString(),
    deletionGracePeriodSeconds: 1,
  };
  world.api.put('pods/default/web', { ...pod, metadata });
  await world.eventually(() => world.api.pod('web') === undefined);
  assert.deepEqual(await world.engine.list(signal), []);
  assert.deepEqual(await world.network.list(signal), []);
  assert.deepEqual(await world.volumes.list(), []);
  await world.eventually(() => world.events().includes('Killing: Stopping container c'));
});

test('what the API no longer has is taken down when the agent comes back', async () => {
  await using world = await World.make();
  world.create('web', {});
  await world.until('web', ready);
  await world.stop();
  world.api.remove('pods/default/web');
  world.start();
  await world.eventually(async () => (await world.engine.list(signal)).length === 0);
  await world.eventually(async () => (await world.network.list(signal)).length === 0);
});

test('what was acquired for pods that nobody knows is given back when the agent comes back', async () => {
  await using world = await World.make();
  await world.stop();
  const lost = podOf('lost', {});
  await world.volumes.prepare(lost, signal);
  const request = { podUid: 'uid-lost', podNamespace: 'default', podName: 'lost', portMappings: [] };
  await world.network.attach({ ...request, sandboxId: 'uid-lost-0' }, signal);
  world.start();
  await world.eventually(async () => (await world.network.list(signal)).length === 0);
  await world.eventually(async () => (await world.volumes.list()).length === 0);
});

test('init containers run in order, and a job ends as it should', async () => {
  await using world = await World.make();
  world.create('job', {
    restartPolicy: 'Never',
    initContainers: [{ name: 'i', image: 'app:1', command: ['true'] }],
    containers: [{ name: 'c', image: 'app:1', command: ['exit', '3'] }],
  });
  const status = await world.until('job', ({ phase }) => phase === 'Failed');
  const exit = status.containerStatuses?.[0]?.state?.terminated;
  assert.deepEqual([exit?.exitCode, exit?.reason], [3, 'Error']);
  assert.equal(status.initContainerStatuses?.[0]?.state?.terminated?.reason, 'Completed');
  assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.reason, 'PodFailed');
  await world.eventually(async () => (await world.engine.list(signal)).length === 0);
});

test('a crashing container restarts at once, then backs off', async () => {
  await using world = await World.make();
  world.create('crash', { containers: [{ name: 'c', image: 'app:1', command: ['false'] }] });
  const status = await world.until(
    'crash',
    (one) => one.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  const [container] = status.containerStatuses ?? [];
  assert.match(
    container?.state?.waiting?.message ?? '',
    /^back-off 10s restarting failed container=c pod=crash_default/,
  );
  assert.equal(container?.restartCount, 1);
  assert.equal(container?.lastState?.terminated?.exitCode, 1);
  assert.equal(status.phase, 'Running');
});

test('what cannot start says why', async () => {
  await using world = await World.make();
  world.create('pull', { containers: [{ name: 'c', image: 'absent:1' }] });
  world.create('never', { containers: [{ name: 'c', image: 'absent:1', imagePullPolicy: 'Never' }] });
  world.create('env', {
    containers: [{ name: 'c', image: 'app:1', envFrom: [{ configMapRef: { name: 'nope' } }] }],
  });
  world.create('volume', { volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }] });
  world.create('class', { runtimeClassName: 'microvm' });
  const waiting =
    (reason: string) => (one: { containerStatuses?: Array<{ state?: { waiting?: { reason?: string } } }> }) =>
      one.containerStatuses?.[0]?.state?.waiting?.reason === reason;
  await world.until('pull', waiting('ErrImagePull'));
  await world.until('never', waiting('ErrImageNeverPull'));
  const env = await world.until('env', waiting('CreateContainerConfigError'));
  assert.match(env.containerStatuses?.[0]?.state?.waiting?.message ?? '', /configmap "nope" not found/);
  await world.eventually(() => world.events().some((one) => /^FailedMount: .*kind nfs/.test(one)));
  const refused = await world.until('class', waiting('RuntimeClassUnavailable'));
  assert.match(
    refused.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')?.message ?? '',
    /"microvm"/,
  );
});
