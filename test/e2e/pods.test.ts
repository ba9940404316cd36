import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ContainerStatus, Pod } from '../../src/api/types.generated.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { type E2ePlatform, SAMPLE_IMAGE, SKIP, startPlatform } from './platform.ts';

const DEADLINE_MS = 60_000;
const POLL_MS = 200;

type Container = Record<string, unknown>;

function shell(script: string, more: Container = {}): Container {
  return { name: 'main', image: SAMPLE_IMAGE, command: ['sh', '-c', script], ...more };
}

describe('pods on real engines', { skip: SKIP, timeout: 300_000, concurrency: 4 }, () => {
  let platform: E2ePlatform;
  let kubectl: Kubectl;

  before(async () => {
    platform = await startPlatform('ep');
    kubectl = await createKubectl('1.35', { kubeconfig: platform.kubeconfig });
  });
  after(() => platform?.purge());

  const create = async (name: string, spec: Record<string, unknown>): Promise<void> => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 1, restartPolicy: 'Never', ...spec },
    };
    await kubectl.ok(['create', '-f', '-'], { stdin: JSON.stringify(pod) });
  };
  const get = (name: string) => kubectl.json<Pod>(['get', 'pod', name]);
  const until = async (name: string, holds: (pod: Pod) => boolean): Promise<Pod> => {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const pod = await get(name);
      if (holds(pod)) return pod;
      if (performance.now() > deadline) throw new Error(`pod ${name} stays ${JSON.stringify(pod.status)}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const isOver = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const isReady = ({ status }: Pod) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  const first = ({ status }: Pod): ContainerStatus => {
    const found = status?.containerStatuses?.[0];
    assert.ok(found, 'the pod has a container status');
    return found;
  };
  const logsOf = async (name: string, spec: Record<string, unknown>): Promise<string> => {
    await create(name, spec);
    const { status } = await until(name, isOver);
    const logs = await kubectl.ok(['logs', name]);
    assert.equal(status?.phase, 'Succeeded', logs);
    return logs;
  };

  test('init containers run in order, before the others, and share a volume with them', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const step = (name: string) => shell(`echo ${name} >>/shared/log`, { name, volumeMounts });
    const logs = await logsOf('inits', {
      initContainers: [step('one'), step('two')],
      containers: [shell('cat /shared/log', { volumeMounts })],
      volumes: [{ name: 'shared', emptyDir: {} }],
    });
    assert.equal(logs, 'one\ntwo\n');
  });

  test('containers of a pod share localhost', async () => {
    await create('pair', {
      containers: [
        { name: 'web', image: SAMPLE_IMAGE },
        shell('until wget -qO- http://127.0.0.1:8080/cgi-bin/info; do sleep 0.2; done; sleep 1000'),
      ],
    });
    await until('pair', isReady);
    await using logs = kubectl.start(['logs', '-f', 'pair', '-c', 'main']);
    await logs.until(/^hostname pair$/m);
  });

  test('variables come from ConfigMap, Secret, fields and resources, and expand in args', async () => {
    await kubectl.ok(['create', 'configmap', 'env', '--from-literal=color=red']);
    await kubectl.ok(['create', 'secret', 'generic', 'env', '--from-literal=word=hush']);
    const logs = await logsOf('env', {
      containers: [
        {
          name: 'main',
          image: SAMPLE_IMAGE,
          command: ['echo'],
          args: ['$(C) $(S) $(N) $(M) $$(C) $(NONE)'],
          env: [
            { name: 'C', valueFrom: { configMapKeyRef: { name: 'env', key: 'color' } } },
            { name: 'S', valueFrom: { secretKeyRef: { name: 'env', key: 'word' } } },
            { name: 'N', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'M', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
          ],
          resources: { limits: { memory: '64Mi' } },
        },
      ],
    });
    assert.equal(logs, 'red hush env 64 $(C) $(NONE)\n');
  });

  test('the projected token is one the API accepts, for the pod’s own account', async () => {
    const path = '/var/run/secrets/kubernetes.io/serviceaccount';
    const logs = await logsOf('token', {
      containers: [shell(`cat ${path}/namespace; echo; head -c 27 ${path}/ca.crt; echo; cat ${path}/token`)],
    });
    const [namespace, ca, token] = logs.split('\n');
    assert.deepEqual([namespace, ca], ['default', '-----BEGIN CERTIFICATE-----']);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const answer = JSON.parse(
      await kubectl.ok(['create', '--validate=false', '-o', 'json', '-f', '-'], {
        stdin: JSON.stringify(review),
      }),
    ) as { status: { authenticated: boolean; user: { username: string } } };
    assert.equal(answer.status.authenticated, true);
    assert.equal(answer.status.user.username, 'system:serviceaccount:default:default');
  });

  test('a changed ConfigMap reaches the pod; subPath and downwardAPI are files', async () => {
    await kubectl.ok(['create', 'configmap', 'live', '--from-literal=a=1']);
    await create('live', {
      containers: [
        shell('cat /one /down/labels; echo; until grep -q 2 /live/a; do sleep 0.2; done; echo changed', {
          volumeMounts: [
            { name: 'live', mountPath: '/live' },
            { name: 'live', mountPath: '/one', subPath: 'a' },
            { name: 'down', mountPath: '/down' },
          ],
        }),
      ],
      volumes: [
        { name: 'live', configMap: { name: 'live' } },
        {
          name: 'down',
          downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
        },
      ],
    });
    await until('live', isReady);
    await kubectl.ok(['patch', 'configmap', 'live', '-p', '{"data":{"a":"2"}}']);
    await until('live', isOver);
    assert.equal(await kubectl.ok(['logs', 'live']), '1app="live"\nchanged\n');
  });

  test('the security context holds: user, read-only root, no capability, no mount', async () => {
    const logs = await logsOf('secure', {
      containers: [
        shell(
          'id -u; touch /x 2>/dev/null || echo read-only; mount -t tmpfs x /tmp 2>/dev/null || echo refused; grep CapEff /proc/self/status',
          {
            securityContext: { runAsUser: 33, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          },
        ),
      ],
    });
    assert.equal(logs, '33\nread-only\nrefused\nCapEff:\t0000000000000000\n');
  });

  test('more memory than the limit ends a container as OOMKilled, 137', async () => {
    await create('oom', {
      containers: [shell('tail /dev/zero', { resources: { limits: { memory: '32Mi' } } })],
    });
    const { reason, exitCode } = first(await until('oom', isOver)).state?.terminated ?? {};
    assert.deepEqual([reason, exitCode], ['OOMKilled', 137]);
  });

  test('exit codes, phases and the termination message are told', async () => {
    await create('fails', { containers: [shell('echo -n because >/dev/termination-log; exit 42')] });
    const pod = await until('fails', isOver);
    const { reason, exitCode, message } = first(pod).state?.terminated ?? {};
    assert.deepEqual([pod.status?.phase, reason, exitCode, message], ['Failed', 'Error', 42, 'because']);
  });

  test('OnFailure restarts with back-off, and the log of before is --previous', async () => {
    await create('again', { restartPolicy: 'OnFailure', containers: [shell('echo attempt; exit 1')] });
    const pod = await until(
      'again',
      (found) =>
        first(found).state?.waiting?.reason === 'CrashLoopBackOff' && (first(found).restartCount ?? 0) >= 1,
    );
    assert.equal(first(pod).lastState?.terminated?.exitCode, 1);
    assert.equal(await kubectl.ok(['logs', 'again', '--previous']), 'attempt\n');
    await kubectl.ok(['delete', 'pod', 'again']);
  });

  test('a failing liveness probe restarts; a readiness probe flips', async () => {
    await create('probed', {
      restartPolicy: 'Always',
      containers: [
        shell('touch /tmp/alive /tmp/ready; sleep 1000', {
          livenessProbe: {
            exec: { command: ['test', '-e', '/tmp/alive'] },
            periodSeconds: 1,
            failureThreshold: 1,
            initialDelaySeconds: 2,
          },
          readinessProbe: {
            exec: { command: ['test', '-e', '/tmp/ready'] },
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ],
    });
    await until('probed', isReady);
    await kubectl.ok(['exec', 'probed', '--', 'rm', '/tmp/ready']);
    await until('probed', (pod) => !isReady(pod));
    await kubectl.ok(['exec', 'probed', '--', 'rm', '/tmp/alive']);
    await until('probed', (pod) => first(pod).restartCount === 1 && isReady(pod));
    assert.match(await kubectl.ok(['describe', 'pod', 'probed']), /Unhealthy .*Liveness probe failed/);
  });

  test('what cannot start says why: image, command, ConfigMap', async () => {
    await create('no-image', {
      containers: [{ name: 'main', image: 'localhost/nobody/nothing:1', imagePullPolicy: 'Never' }],
    });
    await create('no-command', {
      containers: [{ name: 'main', image: SAMPLE_IMAGE, command: ['/nothing'] }],
    });
    await create('no-config', {
      containers: [shell('true', { envFrom: [{ configMapRef: { name: 'nowhere' } }] })],
    });
    const waiting = (name: string, reason: string) =>
      until(name, (pod) => first(pod).state?.waiting?.reason === reason);
    const refused = await until('no-command', isOver);
    await waiting('no-image', 'ErrImageNeverPull');
    const config = await waiting('no-config', 'CreateContainerConfigError');
    assert.match(first(config).state?.waiting?.message ?? '', /configmap "nowhere" not found/);
    const { reason, exitCode } = first(refused).state?.terminated ?? {};
    assert.deepEqual([reason, exitCode], ['StartError', 127]);
  });

  test('activeDeadlineSeconds ends a pod', async () => {
    await create('late', { activeDeadlineSeconds: 1, containers: [shell('sleep 1000')] });
    const { status } = await until('late', isOver);
    assert.deepEqual([status?.phase, status?.reason], ['Failed', 'DeadlineExceeded']);
  });

  test('hostNetwork has the host’s addresses', async () => {
    await create('host', { hostNetwork: true, containers: [shell('sleep 1000')] });
    const { status } = await until('host', isReady);
    assert.equal(status?.podIP, status?.hostIP);
  });

  test('a gVisor pod reaches a container by pod IP', async (context) => {
    const reason = await platform.whyNot('gvisor');
    if (reason) return context.skip(reason);
    await create('far', { containers: [{ name: 'web', image: SAMPLE_IMAGE }] });
    const { status } = await until(
      'far',
      ({ status: found }) => found?.podIP !== undefined && found.phase === 'Running',
    );
    const logs = await logsOf('near', {
      runtimeClassName: 'gvisor',
      containers: [shell(`until wget -qO- http://${status?.podIP}:8080/cgi-bin/info; do sleep 0.2; done`)],
    });
    assert.match(logs, /^hostname far$/m);
  });
});
