import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Pod, Volume } from '../api/types.generated.ts';
import { systemClock } from '../lib/clock.ts';
import { isMountPoint, isTmpfs, unmountBelow } from './mounts.ts';
import { createNodeVolumes } from './node-volumes.ts';
import type { VolumeSources } from './volumes.ts';

const root = process.getuid?.() === 0 ? {} : { skip: 'needs root: mounts and ownership' };
const signal = new AbortController().signal;
const state = { web: { 'index.html': 'one', 'style.css': 'two' } as Record<string, string> };
const sources: VolumeSources = {
  configMap: async (_namespace, name) => (name === 'web' ? { data: state.web } : undefined),
  secret: async (_namespace, name) =>
    name === 'key' ? { data: { password: Buffer.from('open sesame').toString('base64') } } : undefined,
  token: async ({ audience }) => ({ token: `token for ${audience ?? 'api'}`, expiresAt: Date.now() + 1000 }),
  field: (_pod, path) => `value of ${path}`,
  resource: () => '1',
};

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'amphora-volumes-'));
});
after(async () => {
  await unmountBelow(directory);
  await rm(directory, { recursive: true, force: true });
});

function pod(volumes: Volume[], fsGroup?: number): Pod {
  return {
    metadata: { name: 'p', namespace: 'default', uid: 'u1' },
    spec: { containers: [], volumes, ...(fsGroup === undefined ? {} : { securityContext: { fsGroup } }) },
  };
}

function volumesOf() {
  return createNodeVolumes({
    stateDirectory: join(directory, 'state'),
    memoryDirectory: join(directory, 'memory'),
    sources,
    clock: systemClock,
  });
}

test('files are swapped as a whole, live in memory, and go with the pod', root, async () => {
  const volumes = volumesOf();
  const wanted = pod(
    [
      { name: 'site', configMap: { name: 'web' } },
      { name: 'key', secret: { secretName: 'key', defaultMode: 0o400 } },
    ],
    2000,
  );
  const first = await volumes.prepare(wanted, signal);
  const site = join(directory, 'memory/u1/site');
  assert.deepEqual(first.volumes.site, { kind: 'files', path: site });
  assert.equal(await readFile(join(site, 'index.html'), 'utf8'), 'one');
  assert.equal(await isTmpfs(site), true);
  assert.equal((await stat(join(directory, 'memory'))).mode & 0o777, 0o700);
  const key = await stat(join(directory, 'memory/u1/key/password'));
  assert.deepEqual([key.mode & 0o777, key.gid], [0o440, 2000]);
  const before = await readlink(join(site, '..data'));
  assert.equal((await volumes.prepare(wanted, signal)).changed, false);
  assert.equal(await readlink(join(site, '..data')), before);
  state.web = { 'index.html': 'three' };
  assert.equal((await volumes.prepare(wanted, signal)).changed, true);
  assert.notEqual(await readlink(join(site, '..data')), before);
  assert.equal(await readFile(join(site, 'index.html'), 'utf8'), 'three');
  assert.deepEqual(
    (await readdir(site)).filter((name) => !name.startsWith('..')),
    ['index.html'],
  );
  assert.deepEqual(await volumes.list(), ['u1']);
  await volumes.teardown('u1', signal);
  await volumes.teardown('u1', signal);
  assert.deepEqual(await volumes.list(), []);
});

test('projected sources share one directory, and a token says when to renew it', root, async () => {
  const volumes = volumesOf();
  const wanted = pod([
    {
      name: 'all',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { downwardAPI: { items: [{ path: 'meta/name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          { configMap: { name: 'absent', optional: true } },
        ],
      },
    },
  ]);
  const made = await volumes.prepare(wanted, signal);
  assert.equal(await readFile(join(directory, 'memory/u1/all/token'), 'utf8'), 'token for api');
  assert.equal(await readFile(join(directory, 'memory/u1/all/meta/name'), 'utf8'), 'value of metadata.name');
  assert.ok((made.refreshAt ?? 0) > Date.now() && (made.refreshAt ?? 0) < Date.now() + 1000);
  await volumes.teardown('u1', signal);
});

test('an emptyDir in memory is a tmpfs that teardown unmounts', root, async () => {
  const volumes = volumesOf();
  const wanted = pod(
    [
      { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'd', emptyDir: {} },
    ],
    3000,
  );
  await volumes.prepare(wanted, signal);
  await volumes.prepare(wanted, signal);
  const memory = join(directory, 'state/u1/m');
  assert.equal(await isTmpfs(memory), true);
  const disk = await stat(join(directory, 'state/u1/d'));
  assert.deepEqual([disk.mode & 0o7777, disk.gid], [0o2777, 3000]);
  assert.equal(await isMountPoint(memory), true);
  await volumes.teardown('u1', signal);
  await assert.rejects(stat(memory), { code: 'ENOENT' });
});

test('what is missing or unsupported is named', root, async () => {
  const volumes = volumesOf();
  const cases: Array<[Volume, RegExp]> = [
    [{ name: 'v', configMap: { name: 'nope' } }, /volume "v".*configmap "nope" not found/],
    [{ name: 'v', configMap: { name: 'web', items: [{ key: 'x', path: 'x' }] } }, /non-existent key "x"/],
    [{ name: 'v', nfs: { server: 's', path: '/' } }, /kind nfs, which this node does not support/],
    [{ name: 'v', hostPath: { path: '/etc/hostname', type: 'Directory' } }, /not a Directory/],
    [{ name: 'v', configMap: { name: 'web', items: [{ key: 'index.html', path: '../../x' }] } }, /leaves/],
  ];
  for (const [volume, message] of cases)
    await assert.rejects(volumes.prepare(pod([volume]), signal), message);
  await volumes.teardown('u1', signal);
});
