import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  ApiextensionsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  PortForward,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Lease,
  type V1Status,
} from '@kubernetes/client-node';
import { HELM_VERSIONS, type HelmVersion, helmOf } from './kubectl-binary.ts';
import { type E2ePlatform, SAMPLE_IMAGE, SKIP, startPlatform } from './platform.ts';

const DEADLINE_MS = 60_000;
const POLL_MS = 50;
const NAMESPACE = 'default';

describe('clients that others wrote', { skip: SKIP, timeout: 300_000 }, () => {
  let platform: E2ePlatform;
  const config = new KubeConfig();

  before(async () => {
    platform = await startPlatform('ec');
    config.loadFromString(await readFile(platform.kubeconfig, 'utf8'));
  });
  after(() => platform?.purge());

  describe('the official one for JavaScript', () => {
    test('creates, reads, patches three ways, lists and deletes', async () => {
      const core = config.makeApiClient(CoreV1Api);
      const at = { name: 'plain', namespace: NAMESPACE };
      const metadata = { name: 'plain', labels: { app: 'client' } };
      const made = await core.createNamespacedConfigMap({
        namespace: NAMESPACE,
        body: { metadata, data: { one: '1' } },
      });
      assert.ok(made.metadata?.uid);
      const patches = [
        [PatchStrategy.JsonPatch, [{ op: 'add', path: '/data/two', value: '2' }]],
        [PatchStrategy.MergePatch, { data: { three: '3' } }],
        [PatchStrategy.StrategicMergePatch, { data: { one: null } }],
      ] as const;
      for (const [strategy, body] of patches)
        await core.patchNamespacedConfigMap({ ...at, body }, setHeaderOptions('Content-Type', strategy));
      const applied = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'plain' },
        data: { four: '4' },
      };
      await core.patchNamespacedConfigMap(
        { ...at, body: applied, fieldManager: 'client', force: true },
        setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
      );
      const { data } = await core.readNamespacedConfigMap(at);
      assert.deepEqual(data, { two: '2', three: '3', four: '4' });
      const { items } = await core.listNamespacedConfigMap({
        namespace: NAMESPACE,
        labelSelector: 'app=client',
      });
      assert.deepEqual(
        items.map((item) => item.metadata?.name),
        ['plain'],
      );
      await core.deleteNamespacedConfigMap(at);
      await assert.rejects(core.readNamespacedConfigMap(at), { code: 404 });
    });

    test('an informer sees what is there, what comes, changes and goes', async () => {
      const core = config.makeApiClient(CoreV1Api);
      const body = (name: string, value: string): V1ConfigMap => ({
        metadata: { name, labels: { app: 'informed' } },
        data: { value },
      });
      await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: body('before', '0') });
      const seen: string[] = [];
      const informer = makeInformer<V1ConfigMap>(
        config,
        `/api/v1/namespaces/${NAMESPACE}/configmaps`,
        () => core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'app=informed' }),
        'app=informed',
      );
      for (const verb of ['add', 'update', 'delete'] as const)
        informer.on(verb, (map) => void seen.push(`${verb} ${map.metadata?.name} ${map.data?.value}`));
      await informer.start();
      try {
        await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: body('after', '1') });
        await core.replaceNamespacedConfigMap({
          name: 'after',
          namespace: NAMESPACE,
          body: body('after', '2'),
        });
        await core.deleteNamespacedConfigMap({ name: 'before', namespace: NAMESPACE });
        await until('the informer', () => seen.length >= 4);
        assert.deepEqual(seen, ['add before 0', 'add after 1', 'update after 2', 'delete before 0']);
        assert.deepEqual(
          informer.list().map((map) => map.metadata?.name),
          ['after'],
        );
      } finally {
        await informer.stop();
        await core.deleteNamespacedConfigMap({ name: 'after', namespace: NAMESPACE });
      }
    });

    test('of many that want to lead by a Lease, one does; when it lets go, another', async () => {
      const leases = config.makeApiClient(CoordinationV1Api);
      const at = { name: 'leader', namespace: NAMESPACE };
      const taken = (holder: string, from?: V1Lease): V1Lease => ({
        metadata: { name: 'leader', ...(from?.metadata ?? {}) },
        spec: { holderIdentity: holder, leaseDurationSeconds: 15 },
      });
      const tried = await Promise.allSettled(
        ['a', 'b', 'c'].map((holder) =>
          leases.createNamespacedLease({ namespace: NAMESPACE, body: taken(holder) }),
        ),
      );
      assert.deepEqual(
        tried.map((one) => (one.status === 'fulfilled' ? 201 : one.reason.code)).sort(),
        [201, 409, 409],
      );
      const held = await leases.readNamespacedLease(at);
      const [first, second] = await Promise.allSettled(
        ['d', 'e'].map((holder) => leases.replaceNamespacedLease({ ...at, body: taken(holder, held) })),
      );
      const outcomes = [first, second].map((one) => (one?.status === 'rejected' ? one.reason.code : 200));
      assert.deepEqual(outcomes.toSorted(), [200, 409]);
      const { spec } = await leases.readNamespacedLease(at);
      assert.equal(spec?.holderIdentity, outcomes[0] === 200 ? 'd' : 'e');
    });

    test('a custom kind is defined and used', async () => {
      const definitions = config.makeApiClient(ApiextensionsV1Api);
      const customs = config.makeApiClient(CustomObjectsApi);
      const [group, version, plural] = ['e2e.example.com', 'v1', 'widgets'];
      const schema = {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            properties: { size: { type: 'integer', minimum: 1, _default: 3 } },
            x_kubernetes_validations: [{ rule: 'self.size < 10', message: 'too large' }],
          },
        },
      };
      await definitions.createCustomResourceDefinition({
        body: {
          metadata: { name: `${plural}.${group}` },
          spec: {
            group,
            scope: 'Namespaced',
            names: { plural, singular: 'widget', kind: 'Widget' },
            versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema } }],
          },
        },
      });
      const object = (size?: number) => ({
        apiVersion: `${group}/${version}`,
        kind: 'Widget',
        metadata: { generateName: 'w-' },
        spec: size === undefined ? {} : { size },
      });
      const create = (size?: number) =>
        customs.createNamespacedCustomObject({
          group,
          version,
          namespace: NAMESPACE,
          plural,
          body: object(size),
        });
      await until('the kind', async () => {
        const listed = await customs
          .listNamespacedCustomObject({ group, version, namespace: NAMESPACE, plural })
          .catch(() => undefined);
        return listed !== undefined;
      });
      const made = await create();
      assert.equal(made.spec.size, 3);
      await assert.rejects(create(12), (error: { code?: number; body?: string }) => {
        assert.equal(error.code, 422);
        assert.match(String(error.body), /too large/);
        return true;
      });
    });

    test('exec and port-forward reach a container', { timeout: 120_000 }, async () => {
      const core = config.makeApiClient(CoreV1Api);
      const at = { name: 'reached', namespace: NAMESPACE };
      const containers = [
        {
          name: 'web',
          image: SAMPLE_IMAGE,
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        },
      ];
      const body = { metadata: { name: 'reached' }, spec: { terminationGracePeriodSeconds: 1, containers } };
      await core.createNamespacedPod({ namespace: NAMESPACE, body });
      await until('the pod', async () => {
        const { status } = await core.readNamespacedPod(at);
        return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
      });
      const { code, stdout } = await execute(config, ['sh', '-c', 'cat; exit 3'], 'hello');
      assert.deepEqual({ code, stdout }, { code: '3', stdout: 'hello' });
      assert.match(await forwarded(config), /^HTTP\/1\.[01] 200/);
      await core.deleteNamespacedPod(at);
    });

    test('a service account is given a role, and may do just that', async () => {
      const core = config.makeApiClient(CoreV1Api);
      const rbac = config.makeApiClient(RbacAuthorizationV1Api);
      const name = 'reader';
      await core.createNamespacedServiceAccount({ namespace: NAMESPACE, body: { metadata: { name } } });
      await rbac.createNamespacedRole({
        namespace: NAMESPACE,
        body: {
          metadata: { name },
          rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
        },
      });
      await rbac.createNamespacedRoleBinding({
        namespace: NAMESPACE,
        body: {
          metadata: { name },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
          subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
        },
      });
      const { status } = await core.createNamespacedServiceAccountToken({
        name,
        namespace: NAMESPACE,
        body: { spec: { audiences: [], expirationSeconds: 600 } },
      });
      const limited = new KubeConfig();
      const cluster = config.getCurrentCluster();
      assert.ok(cluster);
      limited.loadFromClusterAndUser(cluster, { name, token: status?.token ?? '' });
      const client = limited.makeApiClient(CoreV1Api);
      await client.listNamespacedConfigMap({ namespace: NAMESPACE });
      await assert.rejects(client.listNamespacedSecret({ namespace: NAMESPACE }), { code: 403 });
    });
  });

  // The keys of the table are its versions; TypeScript widens them to string.
  for (const version of Object.keys(HELM_VERSIONS) as HelmVersion[])
    test(`helm ${version} templates, installs, upgrades, rolls back and uninstalls`, {
      timeout: 120_000,
    }, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'amphora-helm-'));
      const release = `helm-${version.replace('.', '-')}`;
      try {
        await writeChart(join(directory, 'chart'));
        const helm = await createHelm(version, { kubeconfig: platform.kubeconfig, directory });
        const core = config.makeApiClient(CoreV1Api);
        const greeting = async () =>
          (await core.readNamespacedConfigMap({ name: release, namespace: NAMESPACE })).data?.greeting;
        assert.match(await helm(['template', release, 'chart', '--validate']), /kind: ConfigMap/);
        await helm(['install', release, 'chart', '--set', 'greeting=hello']);
        assert.equal(await greeting(), 'hello');
        assert.match(await helm(['list']), new RegExp(`${release}.*deployed`));
        await helm(['upgrade', release, 'chart', '--set', 'greeting=good day']);
        assert.equal(await greeting(), 'good day');
        await helm(['rollback', release, '1']);
        assert.equal(await greeting(), 'hello');
        await helm(['uninstall', release]);
        await assert.rejects(greeting(), { code: 404 });
        const left = await core.listNamespacedSecret({ namespace: NAMESPACE, labelSelector: 'owner=helm' });
        assert.deepEqual(left.items, []);
      } finally {
        await rm(directory, { recursive: true });
      }
    });
});

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function execute(
  config: KubeConfig,
  command: string[],
  input: string,
): Promise<{ code: string | undefined; stdout: string }> {
  const [stdin, pieces] = [new PassThrough(), [] as Buffer[]];
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      pieces.push(chunk);
      done();
    },
  });
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec(NAMESPACE, 'reached', 'web', command, stdout, null, stdin, false, resolve)
      .catch(reject);
    stdin.end(input);
  });
  const code = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  return { code, stdout: Buffer.concat(pieces).toString() };
}

/** The first bytes that a GET through a forwarded port brings. */
async function forwarded(config: KubeConfig): Promise<string> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const socket = await new PortForward(config).portForward(NAMESPACE, 'reached', [8080], output, null, input);
  try {
    input.write('GET / HTTP/1.0\r\n\r\n');
    const [first] = await output.take(1).toArray();
    return String(first);
  } finally {
    if (typeof socket !== 'function') socket.close();
  }
}

async function createHelm(
  version: HelmVersion,
  { kubeconfig, directory }: { readonly kubeconfig: string; readonly directory: string },
): Promise<(args: readonly string[]) => Promise<string>> {
  const program = await helmOf(version);
  const home = join(directory, 'home');
  const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: kubeconfig };
  return async (args) =>
    (await promisify(execFile)(program, [...args], { cwd: directory, env, timeout: DEADLINE_MS })).stdout;
}

async function writeChart(directory: string): Promise<void> {
  const templates = join(directory, 'templates');
  await mkdir(templates, { recursive: true });
  await writeFile(join(directory, 'Chart.yaml'), 'apiVersion: v2\nname: plain\nversion: 1.0.0\n');
  await writeFile(join(directory, 'values.yaml'), 'greeting: hi\n');
  const name = '{ name: {{ .Release.Name }} }';
  const objects = [
    `{ apiVersion: v1, kind: ConfigMap, metadata: ${name}, data: { greeting: {{ .Values.greeting | quote }} } }`,
    `{ apiVersion: v1, kind: Secret, metadata: ${name}, stringData: { key: value } }`,
    `{ apiVersion: v1, kind: ServiceAccount, metadata: ${name} }`,
    `{ apiVersion: v1, kind: Service, metadata: ${name}, spec: { selector: { app: x }, ports: [{ port: 80 }] } }`,
  ];
  await writeFile(join(templates, 'objects.yaml'), objects.join('\n---\n'));
}
