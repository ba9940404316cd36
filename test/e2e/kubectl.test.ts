import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Pod } from '../../src/api/types.generated.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { KUBECTL_VERSIONS, type KubectlVersion } from './kubectl-binary.ts';
import { type E2ePlatform, freePort, SAMPLE_IMAGE, SKIP, startPlatform } from './platform.ts';

const CLASSES = ['container', 'gvisor', 'microvm'] as const;
// The keys of the table are its versions; TypeScript widens them to string.
const VERSIONS = Object.keys(KUBECTL_VERSIONS) as KubectlVersion[];
const READY = '--timeout=60s';

function manifest(name: string, runtimeClass: string): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: e2e, class: ${runtimeClass} } }
spec:
  ${runtimeClass === 'container' ? '' : `runtimeClassName: ${runtimeClass}`}
  terminationGracePeriodSeconds: 2
  containers:
    - name: web
      image: ${SAMPLE_IMAGE}
      ports: [{ name: http, containerPort: 8080 }]
      readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
      resources: { limits: { memory: 128Mi } }
`;
}

describe('kubectl', { skip: SKIP, timeout: 600_000 }, () => {
  let platform: E2ePlatform;
  let directory: string;
  const kubectls = new Map<KubectlVersion, Kubectl>();
  const kubectl = (version: KubectlVersion): Kubectl => {
    const found = kubectls.get(version);
    assert.ok(found, `kubectl ${version} is unpacked`);
    return found;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'amphora-kubectl-'));
    platform = await startPlatform('ek');
    for (const version of VERSIONS)
      kubectls.set(version, await createKubectl(version, { kubeconfig: platform.kubeconfig }));
  });
  after(async () => {
    await rm(directory, { recursive: true, force: true });
    await platform?.purge();
  });

  for (const runtimeClass of CLASSES) {
    describe(`a pod of class ${runtimeClass}`, () => {
      const pod = `web-${runtimeClass}`;
      let reason: string | false = false;
      let file: string;
      before(async () => {
        reason = await platform.whyNot(runtimeClass);
        if (reason) return;
        file = join(directory, `${pod}.yaml`);
        await writeFile(file, manifest(pod, runtimeClass));
      });
      const check = (name: string, body: () => Promise<void>) =>
        test(name, { timeout: 120_000 }, async (context) => {
          if (reason) context.skip(reason);
          else await body();
        });

      check('apply creates, wait sees it Ready, apply again changes nothing', async () => {
        const [first, second] = VERSIONS.map(kubectl);
        assert.ok(first && second);
        assert.equal(await first.ok(['apply', '-f', file]), `pod/${pod} created\n`);
        const waited = await first.ok(['wait', '--for=condition=Ready', `pod/${pod}`, READY]);
        assert.equal(waited, `pod/${pod} condition met\n`);
        for (const each of [first, second])
          assert.equal(await each.ok(['apply', '-f', file]), `pod/${pod} unchanged\n`);
      });

      for (const version of VERSIONS) {
        check(`${version}: get -o wide shows its address and node`, async () => {
          const { status, spec } = await kubectl(version).json<Pod>(['get', 'pod', pod]);
          const wide = await kubectl(version).ok(['get', 'pod', pod, '-o', 'wide', '--no-headers']);
          assert.match(wide, new RegExp(`^${pod} +1/1 +Running +0 `));
          assert.ok(wide.includes(` ${status?.podIP} `) && wide.includes(` ${spec?.nodeName} `), wide);
        });

        check(`${version}: get prints as asked: yaml, jsonpath, custom columns`, async () => {
          const yaml = parse(await kubectl(version).ok(['get', 'pod', pod, '-o', 'yaml'])) as Pod;
          assert.equal(yaml.metadata?.name, pod);
          const address = ['get', 'pod', pod, '-o', 'jsonpath={.status.podIP}'];
          assert.equal(await kubectl(version).ok(address), yaml.status?.podIP);
          const columns = ['get', 'pod', pod, '-o', 'custom-columns=N:.metadata.name,P:.status.phase'];
          assert.match(await kubectl(version).ok(columns), new RegExp(`${pod} +Running`));
        });

        check(`${version}: describe tells its events in the kubelet's words`, async () => {
          const text = await kubectl(version).ok(['describe', 'pod', pod]);
          assert.match(text, /Scheduled .* default-scheduler +Successfully assigned default\//);
          assert.match(text, /Pulled .* kubelet .*already present on machine/);
          assert.match(text, /Created .* kubelet .*Created container: web/);
          assert.match(text, /Started .* kubelet .*Started container web/);
        });

        check(`${version}: exec gives output, errors and the exit code, and takes input`, async () => {
          const command = ['exec', pod, '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'];
          const { code, stdout, stderr } = await kubectl(version).run(command);
          assert.deepEqual([code, stdout], [7, 'out\n']);
          assert.match(stderr, /^err\n/);
          const stdin = randomBytes(200_000);
          const sent = await kubectl(version).run(['exec', '-i', pod, '--', 'cat'], { stdin });
          assert.ok(sent.bytes.equals(stdin), `${sent.bytes.length} bytes came back: ${sent.stderr}`);
        });

        check(`${version}: exec -it has a terminal`, async () => {
          const command = [
            'exec',
            '-it',
            pod,
            '--',
            'sh',
            '-c',
            'test -t 0 && test -t 1 && read a && echo "<$a>"',
          ];
          const { code, stdout } = await kubectl(version).onTerminal(command, 'typed\n');
          assert.equal(code, 0, stdout);
          assert.match(stdout, /<typed>\r\n/);
        });

        check(`${version}: cp carries bytes both ways`, async () => {
          const [there, back] = [
            join(directory, 'there'),
            join(directory, `back-${runtimeClass}-${version}`),
          ];
          const content = randomBytes(300_000);
          await writeFile(there, content);
          await kubectl(version).ok(['cp', there, `${pod}:/tmp/copied`]);
          await kubectl(version).ok(['cp', `${pod}:/tmp/copied`, back]);
          assert.ok((await readFile(back)).equals(content));
        });

        check(`${version}: logs come whole, by tail, since and as they are written`, async () => {
          assert.match(await kubectl(version).ok(['logs', pod]), /^serving on port 8080/);
          assert.equal(await kubectl(version).ok(['logs', pod, '--tail=0']), '');
          assert.equal(await kubectl(version).ok(['logs', pod, '--since=1ms']), '');
          await using following = kubectl(version).start(['logs', '-f', pod]);
          await following.until(/serving on port 8080/);
          const mark = `mark-${version}`;
          await kubectl(version).ok(['exec', pod, '--', 'sh', '-c', `echo ${mark} >/proc/1/fd/1`]);
          await following.until(new RegExp(`^${mark}$`, 'm'));
          assert.equal(await kubectl(version).ok(['logs', pod, '--tail=1']), `${mark}\n`);
        });

        check(`${version}: port-forward carries one request after the other`, async () => {
          const port = await freePort();
          await using forward = kubectl(version).start(['port-forward', `pod/${pod}`, `${port}:8080`]);
          await forward.until(/Forwarding from 127\.0\.0\.1/);
          for (let round = 0; round < 3; round += 1) {
            const answer = await fetch(`http://127.0.0.1:${port}/cgi-bin/info`);
            assert.match(await answer.text(), new RegExp(`^hostname ${pod}$`, 'm'));
          }
          assert.equal(forward.process.exitCode, null, forward.output());
        });

        check(`${version}: label, annotate, patch and server-side apply change it`, async () => {
          await kubectl(version).ok(['label', 'pod', pod, `by=${version}`, '--overwrite']);
          await kubectl(version).ok(['annotate', 'pod', pod, `example.org/by=${version}`, '--overwrite']);
          await kubectl(version).ok([
            'patch',
            'pod',
            pod,
            '-p',
            `{"metadata":{"labels":{"patched":"${version}"}}}`,
          ]);
          const applied = ['apply', '--server-side', '--force-conflicts', '-f', file];
          assert.equal(await kubectl(version).ok(applied), `pod/${pod} serverside-applied\n`);
          const { metadata } = await kubectl(version).json<Pod>(['get', 'pod', pod]);
          assert.deepEqual([metadata?.labels?.by, metadata?.labels?.patched], [version, version]);
          assert.equal(metadata?.annotations?.['example.org/by'], version);
        });

        check(`${version}: create, get -w, attach, delete --wait and wait --for=delete`, async () => {
          const name = `short-${runtimeClass}-${version.replace('.', '')}`;
          const short = join(directory, `${name}.yaml`);
          await writeFile(short, manifest(name, runtimeClass));
          await using watch = kubectl(version).start([
            'get',
            'pods',
            '-w',
            '--field-selector',
            `metadata.name=${name}`,
          ]);
          await kubectl(version).ok(['create', '-f', short]);
          await kubectl(version).ok(['wait', '--for=condition=Ready', `pod/${name}`, READY]);
          await watch.until(new RegExp(`${name} +0/1 +Pending[^]*${name} +1/1 +Running`));
          await using attached = kubectl(version).start(['attach', name]);
          await attached.until(/If you don't see a command prompt|All commands and output/).catch(() => {});
          await using waiting = kubectl(version).start(['wait', '--for=delete', `pod/${name}`, READY]);
          assert.match(
            await kubectl(version).ok(['delete', 'pod', name]),
            new RegExp(`^pod "${name}" deleted`),
          );
          assert.equal(await waiting.ended(), 0, waiting.output());
          const gone = await kubectl(version).run(['get', 'pod', name]);
          assert.equal(gone.stderr, `Error from server (NotFound): pods "${name}" not found\n`);
        });
      }
    });
  }

  for (const version of VERSIONS) {
    describe(`version ${version} against the API`, () => {
      test('version, api-versions and api-resources', async () => {
        assert.match(await kubectl(version).ok(['version']), /Server Version: v1\.36/);
        const versions = (await kubectl(version).ok(['api-versions'])).split('\n');
        assert.ok(versions.includes('v1') && versions.includes('apps/v1'), versions.join(' '));
        const resources = await kubectl(version).ok(['api-resources']);
        assert.match(resources, /^pods +po +v1 +true +Pod$/m);
        assert.match(resources, /^deployments +deploy +apps\/v1 +true +Deployment$/m);
      });

      test('explain shows structure, types and what is required', async () => {
        const resources = await kubectl(version).ok(['explain', 'pod.spec.containers.resources']);
        assert.match(resources, /KIND: +Pod/);
        assert.match(resources, /limits\s+<map\[string\]Quantity>/);
        assert.match(
          await kubectl(version).ok(['explain', 'pod.spec.containers']),
          /name\s+<string> -required-/,
        );
      });

      test('auth whoami and can-i', async () => {
        assert.match(await kubectl(version).ok(['auth', 'whoami']), /Username +admin/);
        assert.equal(await kubectl(version).ok(['auth', 'can-i', 'create', 'pods']), 'yes\n');
      });

      test('get all and get events', async () => {
        assert.match(await kubectl(version).ok(['get', 'all']), /^pod\/web-container /m);
        assert.match(await kubectl(version).ok(['get', 'events']), /pod\/web-container/);
      });

      test('run, wait for its end, logs, delete', async () => {
        const name = `once-${version.replace('.', '')}`;
        const run = ['run', name, `--image=${SAMPLE_IMAGE}`, '--restart=Never', '--command'];
        await kubectl(version).ok([...run, '--', 'sh', '-c', 'echo said; exit 0']);
        await kubectl(version).ok(['wait', `pod/${name}`, '--for=jsonpath={.status.phase}=Succeeded', READY]);
        assert.equal(await kubectl(version).ok(['logs', name]), 'said\n');
        await kubectl(version).ok(['delete', 'pod', name]);
      });

      test('run -i --rm is attached, and gives back the exit code', async () => {
        const name = `rm-${version.replace('.', '')}`;
        const run = ['run', name, `--image=${SAMPLE_IMAGE}`, '--restart=Never', '--rm', '-i', '--command'];
        const { code, stdout, stderr } = await kubectl(version).run(
          [...run, '--', 'sh', '-c', 'read a; echo "<$a>"; exit 3'],
          { stdin: 'line\n' },
        );
        assert.match(stdout, /<line>/, stderr);
        assert.equal(code, 3, stderr);
      });

      test('create takes a ConfigMap and a Secret from literals, and says who was there first', async () => {
        const name = `made-${version.replace('.', '')}`;
        await kubectl(version).ok(['create', 'configmap', name, '--from-literal=a=b']);
        await kubectl(version).ok(['create', 'secret', 'generic', name, '--from-literal=a=b']);
        const again = await kubectl(version).run(['create', 'configmap', name, '--from-literal=a=b']);
        assert.match(again.stderr, new RegExp(`configmaps "${name}" already exists`));
        await kubectl(version).ok(['delete', `configmap/${name}`, `secret/${name}`]);
      });
    });
  }
});
