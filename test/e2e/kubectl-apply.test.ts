import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Cluster, startCluster } from '../../src/main/library/start-cluster.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { KUBECTL_VERSIONS, type KubectlVersion } from './kubectl-binary.ts';

// The keys of the table are its versions; TypeScript widens them to string.
const VERSIONS = Object.keys(KUBECTL_VERSIONS) as KubectlVersion[];

function deployment(name: string, image: string): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image, ports: [{ containerPort: 80 }] }] },
      },
    },
  });
}

/** Applying on either side with unmodified programs, against a server in this process. */
describe('kubectl apply', { timeout: 180_000 }, () => {
  let directory: string;
  let platform: Cluster;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'amphora-apply-'));
    platform = await startCluster({ nodes: 0 });
    await writeFile(join(directory, 'kubeconfig'), platform.kubeconfig);
  });
  after(async () => {
    await platform?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };

  for (const version of VERSIONS) {
    describe(version, () => {
      const name = `web-${version.replace('.', '-')}`;
      let kubectl: Kubectl;
      before(async () => {
        kubectl = await createKubectl(version, { kubeconfig: join(directory, 'kubeconfig') });
      });
      const owners = async (): Promise<string[]> => {
        const text = await kubectl.ok(['get', 'deployment', name, '-o', 'json', '--show-managed-fields']);
        const { metadata } = JSON.parse(text) as {
          metadata: { managedFields: { manager: string; operation: string; subresource?: string }[] };
        };
        return metadata.managedFields
          .filter(({ manager }) => manager.startsWith('kubectl'))
          .map(({ manager, operation, subresource }) =>
            [manager, operation, subresource ?? ''].join(' ').trim(),
          );
      };

      test('goes from the client’s side to the server’s without a conflict, and back', async () => {
        const first = await file('first.json', deployment(name, 'app:1'));
        const second = await file('second.json', deployment(name, 'app:2'));
        assert.equal(await kubectl.ok(['apply', '-f', first]), `deployment.apps/${name} created\n`);
        assert.equal(await kubectl.ok(['apply', '-f', first]), `deployment.apps/${name} unchanged\n`);
        assert.deepEqual(await owners(), ['kubectl-client-side-apply Update']);
        const applied = `deployment.apps/${name} serverside-applied\n`;
        assert.equal(await kubectl.ok(['apply', '--server-side', '-f', second]), applied);
        assert.deepEqual(await owners(), ['kubectl Apply', 'kubectl-last-applied Apply']);
        assert.equal(await kubectl.ok(['diff', '-f', second]), '');
        assert.equal(await kubectl.ok(['apply', '-f', first]), `deployment.apps/${name} configured\n`);
        assert.equal(
          await kubectl.ok(['apply', '--server-side', '--force-conflicts', '-f', second]),
          applied,
        );
      });

      test('is told who owns what it would change, and takes it by force', async () => {
        const config = join(directory, 'second.json');
        await kubectl.ok(['scale', 'deployment', name, '--replicas=3']);
        const refused = await kubectl.run(['apply', '--server-side', '-f', config]);
        assert.equal(refused.code, 1);
        // Who names no manager is called as the program is.
        const conflict = `conflict with "kubectl-${version}" with subresource "scale" using apps/v1: .spec.replicas`;
        assert.ok(refused.stderr.includes(`Apply failed with 1 conflict: ${conflict}`), refused.stderr);
        await kubectl.ok(['apply', '--server-side', '--force-conflicts', '-f', config]);
        const other = await kubectl.run([
          'apply',
          '--server-side',
          '--field-manager=o',
          '-f',
          join(directory, 'first.json'),
        ]);
        assert.match(
          other.stderr,
          /conflict with "kubectl": \.spec\.template\.spec\.containers\[name="main"\]\.image/,
        );
      });

      test('labels, annotates, replaces and prunes what it applied', async () => {
        await kubectl.ok(['label', 'deployment', name, 'x=y']);
        await kubectl.ok(['annotate', 'deployment', name, 'note=1']);
        const whole = await kubectl.ok(['get', 'deployment', name, '-o', 'json']);
        assert.doesNotMatch(whole, /managedFields/);
        await kubectl.ok(['replace', '-f', await file('whole.json', whole)]);
        assert.ok((await owners()).includes('kubectl Apply'));
        const map = (each: string) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: `${each}-${name}`, labels: { set: name } },
          data: { k: 'v' },
        });
        const list = (...names: string[]) =>
          JSON.stringify({ apiVersion: 'v1', kind: 'List', items: names.map(map) });
        await kubectl.ok(['apply', '-f', await file('both.json', list('a', 'b'))]);
        const prune = ['--prune', '-l', `set=${name}`, '--prune-allowlist=core/v1/ConfigMap'];
        const pruned = await kubectl.ok(['apply', '-f', await file('one.json', list('a')), ...prune]);
        assert.equal(pruned, `configmap/a-${name} unchanged\nconfigmap/b-${name} pruned\n`);
      });
    });
  }
});
