import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MEDIA } from '../../src/images/documents.ts';
import { type BuiltImage, buildImage, type Compression, ociLayout } from '../../src/images/oci-writer.ts';
import { run } from '../../src/lib/run.ts';
import { fixture, NEEDS_ROOT } from './images-fixture.ts';

const skip = ['docker-registry', 'skopeo'].map(lacks).find((why) => why !== false) ?? false;

/** `secret`, for user `puller`. */
const HTPASSWD = 'puller:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

test('pull from a real registry, by tag and by digest, in every compression', {
  skip: skip || NEEDS_ROOT,
}, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const host = await startRegistry(t, folder);
  for (const compression of ['none', 'gzip', 'zstd'] satisfies Compression[]) {
    const layers = [
      [{ path: 'f', content: `${compression}\n`.repeat(50_000) }],
      [{ path: 'g', content: 'g' }],
    ];
    const image = await buildImage({ layers, compression });
    await push(folder, image, `${host}/test/${compression}:1`);
    const phases = new Set<string>();
    const onProgress = ({ phase }: { phase: string }) => phases.add(phase);
    const pulled = await images.pull(
      `${host}/test/${compression}:1`,
      { policy: 'Always', credentials: [], onProgress },
      signal,
    );
    assert.equal(pulled.id, image.id);
    assert.deepEqual([...phases].sort(), ['done', 'downloading', 'waiting']);
    const [digest = ''] = pulled.digests;
    await images.remove(image.id, signal);
    assert.equal(await images.find(digest), undefined);
    const again = await images.pull(digest, { policy: 'IfNotPresent', credentials: [] }, signal);
    assert.deepEqual([again.id, again.names], [image.id, []]);
    assert.equal((await images.prepare(image.id, 'layers', signal)).kind, 'layers');
  }
  await assert.rejects(images.pull(`${host}/test/none:2`, { policy: 'Always', credentials: [] }, signal), {
    code: 'NotFound',
    message: /check its name and tag/,
  });
});

test('a registry that wants a password', { skip }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const host = await startRegistry(t, folder, HTPASSWD);
  const image = await buildImage({ layers: [[{ path: 'f', content: 'x' }]] });
  await push(folder, image, `${host}/private:1`, 'puller:secret');
  const pull = (password: string) =>
    images.pull(
      `${host}/private:1`,
      { policy: 'Always', credentials: [{ registry: host, username: 'puller', password }] },
      signal,
    );
  await assert.rejects(pull('wrong'), { code: 'Unauthorized' });
  assert.equal((await pull('secret')).id, image.id);
});

test('the manifest for this machine is chosen out of several', { skip }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const host = await startRegistry(t, folder);
  const parts = await Promise.all(
    ['arm64', 'amd64', 's390x'].map((architecture) =>
      buildImage({ architecture, layers: [[{ path: 'arch', content: architecture }]] }),
    ),
  );
  for (const part of parts) await push(folder, part, `${host}/many:${part.architecture}`);
  await putIndex(host, 'many', '1', parts);
  await putIndex(
    host,
    'many',
    'foreign',
    parts.filter(({ architecture }) => architecture !== 'amd64'),
  );
  const pulled = await images.pull(`${host}/many:1`, { policy: 'Always', credentials: [] }, signal);
  assert.equal(pulled.id, parts[1]?.id);
  await assert.rejects(images.pull(`${host}/many:foreign`, { policy: 'Always', credentials: [] }, signal), {
    code: 'NotImplemented',
    message: /linux\/arm64, linux\/s390x/,
  });
});

async function putIndex(
  host: string,
  repository: string,
  tag: string,
  parts: readonly BuiltImage[],
): Promise<void> {
  const manifests = parts.map(({ manifest, architecture }) => ({
    ...manifest,
    platform: { os: 'linux', architecture },
  }));
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': MEDIA.ociIndex },
    body: JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests }),
  });
  assert.equal(response.status, 201, await response.text());
}

/** With skopeo, so that what is pulled was pushed by somebody else's idea of the protocol. */
async function push(
  folder: string,
  image: BuiltImage,
  reference: string,
  credentials?: string,
): Promise<void> {
  const layout = join(folder, `layout-${image.id.slice(7, 15)}`);
  for (const [file, data] of ociLayout([{ name: 'it', image }])) {
    await mkdir(join(layout, file, '..'), { recursive: true });
    await writeFile(join(layout, file), data);
  }
  const login = credentials === undefined ? [] : ['--dest-creds', credentials];
  const options = ['--insecure-policy', 'copy', '--dest-tls-verify=false', '--preserve-digests', ...login];
  await run('skopeo', [...options, `oci:${layout}:it`, `docker://${reference}`], { env: { HOME: folder } });
}

/** Debian's docker-registry on a free port, ended with the test. */
async function startRegistry(t: TestContext, folder: string, htpasswd?: string): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`;
  const password = join(folder, 'htpasswd');
  const auth = htpasswd === undefined ? '' : `auth:\n  htpasswd:\n    realm: test\n    path: ${password}\n`;
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${join(folder, 'registry')}\n`;
  await writeFile(
    join(folder, 'registry.yml'),
    `version: 0.1\nlog:\n  level: error\n${storage}http:\n  addr: ${address}\n${auth}`,
  );
  if (htpasswd !== undefined) await writeFile(password, htpasswd);
  const child = spawn('docker-registry', ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' });
  t.after(() => end(child));
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const response = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (response !== undefined) return address;
  }
  throw new Error('docker-registry did not start');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function lacks(program: string): string | false {
  return spawnSync(program, ['--help']).error === undefined ? false : `${program} is not installed`;
}
