import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createImages } from '../../src/images/create-images.ts';
import { buildImage, type Compression, ociLayout } from '../../src/images/oci-writer.ts';
import { makeSampleImage } from '../../src/images/sample.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { run } from '../../src/lib/run.ts';
import { fixture, hastyClock, NEEDS_ROOT } from './images-fixture.ts';
import { makeDockerArchive, makeOciArchive } from './make-image.ts';

const LOWER = [
  { path: 'etc', type: 'directory' },
  { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:7:8::/:\n' },
  { path: 'etc/group', content: 'app:x:8:\nmore:x:9:app\n' },
  { path: 'gone', content: 'x' },
  { path: 'full', type: 'directory' },
  { path: 'full/old', content: 'x' },
  { path: 'tmp', type: 'directory', mode: 0o1777 },
] as const;
const UPPER = [
  { path: '.wh.gone' },
  { path: 'full', type: 'directory' },
  { path: 'full/.wh..wh..opq' },
  { path: 'full/new', content: 'y' },
  { path: 'tmp/deep', content: 'z', uid: 5, gid: 6, mode: 0o4755 },
] as const;

test('an archive is imported, found, prepared and removed', { skip: NEEDS_ROOT }, async (t) => {
  for (const compression of ['none', 'gzip', 'zstd'] satisfies Compression[]) {
    await t.test(compression, async (t) => {
      const { folder, state, images, signal } = await fixture(t);
      const path = join(folder, 'a.tar');
      const made = await makeOciArchive({ path, name: 'app:1', compression, layers: [LOWER, UPPER] });
      const [image] = await images.importArchive(path, {}, signal);
      assert.equal(image?.id, made.id);
      assert.deepEqual(image.names, ['docker.io/library/app:1']);
      for (const name of ['app:1', made.id, made.id.slice(7, 15)]) {
        assert.equal((await images.find(name))?.id, made.id, name);
      }
      const root = await images.prepare(made.id, 'layers', signal);
      assert.equal(root.kind, 'layers');
      const top = root.kind === 'layers' ? (root.directories[0] ?? '') : '';
      assert.ok((await stat(join(top, 'gone'))).isCharacterDevice(), 'a whiteout');
      const deep = await stat(join(top, 'tmp/deep'));
      assert.deepEqual([deep.uid, deep.gid, deep.mode & 0o7777], [5, 6, 0o4755]);
      assert.equal(
        (await stat(join(top, 'tmp'))).mode & 0o7777,
        0o1777,
        'a directory only passed through keeps its mode',
      );
      const attributes = await run('getfattr', ['-m', '-', join(top, 'full')]).catch(() => undefined);
      if (attributes !== undefined) assert.match(attributes.stdout.toString(), /trusted\.overlay\.opaque/);
      assert.deepEqual(await images.resolveUser(made.id, 'app'), { uid: 7, gid: 8, additionalGids: [9] });
      await assert.rejects(images.resolveUser(made.id, 'nobody'), { code: 'NotFound' });
      await images.remove('app:1', signal);
      assert.deepEqual(await images.list(), []);
      for (const content of ['blobs/sha256', 'layers', 'images', 'ingest']) {
        assert.deepEqual(await readdir(join(state, content)), [], content);
      }
    });
  }
});

test('a docker archive and a layout directory are imported', { skip: NEEDS_ROOT }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const path = join(folder, 'd.tar');
  const made = await makeDockerArchive({ path, name: 'docker-app:2', layers: [LOWER] });
  assert.equal((await images.importArchive(path, {}, signal))[0]?.id, made.id);
  const layout = join(folder, 'layout');
  for (const [file, data] of ociLayout([{ name: 'dir:3', image: await buildImage({ layers: [UPPER] }) }])) {
    await mkdir(join(layout, file, '..'), { recursive: true });
    await writeFile(join(layout, file), data);
  }
  assert.deepEqual((await images.importArchive(layout, {}, signal))[0]?.names, ['docker.io/library/dir:3']);
});

test('what is wrong with an archive is said', { skip: NEEDS_ROOT }, async (t) => {
  const { folder, state, images, signal } = await fixture(t);
  const path = join(folder, 'a.tar');
  await assert.rejects(images.importArchive(join(folder, 'no'), {}, signal), { code: 'NotFound' });
  await writeFile(path, 'this is no tar'.repeat(100));
  await assert.rejects(images.importArchive(path, {}, signal), {
    code: 'Corrupt',
    message: /not a tar archive/,
  });
  await makeOciArchive({ path, name: 'arm:1', architecture: 'arm64', layers: [LOWER] });
  await assert.rejects(images.importArchive(path, {}, signal), {
    code: 'NotImplemented',
    message: /linux\/arm64/,
  });
  const { blobs } = await makeOciArchive({ path, name: 'bad:1', layers: [LOWER] });
  const data = await readFile(path);
  const layer = [...blobs.values()][0] ?? Buffer.alloc(0);
  data[data.indexOf(layer.subarray(0, 1024)) + 600] = 1;
  await writeFile(path, data);
  await assert.rejects(images.importArchive(path, {}, signal), {
    code: 'Corrupt',
    message: /should be sha256|instead/,
  });
  assert.deepEqual(await images.list(), []);
  assert.deepEqual(await readdir(join(state, 'ingest')), []);
});

test('content survives a restart, and what a crash left is removed', { skip: NEEDS_ROOT }, async (t) => {
  const { folder, state, images, signal } = await fixture(t);
  const path = join(folder, 'a.tar');
  const made = await makeOciArchive({ path, name: 'app:1', layers: [LOWER] });
  await images.importArchive(path, {}, signal);
  await mkdir(join(state, 'layers/half.tmp/etc'), { recursive: true });
  await writeFile(join(state, 'ingest/half.tmp'), 'x');
  await images.close();
  const next = createImages({ directory: state, clock: hastyClock, log: silentLogger() });
  assert.equal((await next.find('app:1'))?.id, made.id);
  assert.deepEqual(await readdir(join(state, 'layers')), []);
  assert.deepEqual(await readdir(join(state, 'ingest')), []);
  await next.close();
});

test('an image that something runs on is kept until it no longer does', { skip: NEEDS_ROOT }, async (t) => {
  const inUse = new Set<string>();
  const { folder, images, signal } = await fixture(t, { inUse: async () => inUse });
  const path = join(folder, 'a.tar');
  const { id } = await makeOciArchive({ path, name: 'app:1', layers: [LOWER, UPPER] });
  await makeOciArchive({ path: `${path}2`, name: 'base:1', layers: [LOWER] });
  await images.importArchive(path, {}, signal);
  await images.importArchive(`${path}2`, {}, signal);
  const root = await images.prepare(id, 'layers', signal);
  const [top = '', bottom = ''] = root.kind === 'layers' ? root.directories : [];
  inUse.add(id);
  await images.remove('app:1', signal);
  await access(top);
  inUse.clear();
  await images.remove(id, signal);
  await assert.rejects(access(top), { code: 'ENOENT' });
  await access(bottom); // The other image has this layer too.
});

test('a block image holds the merged view', {
  skip: NEEDS_ROOT || lacks('mkfs.erofs') || lacks('fsck.erofs'),
}, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const path = join(folder, 'a.tar');
  const { id } = await makeOciArchive({ path, name: 'app:1', layers: [LOWER, UPPER] });
  await images.importArchive(path, {}, signal);
  const [root, again] = await Promise.all([
    images.prepare(id, 'block', signal),
    images.prepare(id, 'block', signal),
  ]);
  assert.deepEqual(root, again);
  const block = root.kind === 'block' ? root.path : '';
  const mounted = join(folder, 'mounted');
  await mkdir(mounted);
  await run('mount', ['-t', 'erofs', '-o', 'loop,ro', block, mounted]);
  try {
    assert.deepEqual((await readdir(mounted)).sort(), ['etc', 'full', 'tmp']);
    assert.deepEqual(await readdir(join(mounted, 'full')), ['new']);
    assert.equal((await stat(join(mounted, 'tmp/deep'))).uid, 5);
  } finally {
    await run('umount', [mounted]);
  }
});

test('the sample image is the same each time', { skip: NEEDS_ROOT || lacks('busybox') }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const one = await makeSampleImage(join(folder, 'a.tar'), 'sample:1');
  await makeSampleImage(join(folder, 'b.tar'), 'sample:1');
  assert.deepEqual(await readFile(join(folder, 'a.tar')), await readFile(join(folder, 'b.tar')));
  const [image] = await images.importArchive(join(folder, 'a.tar'), {}, signal);
  assert.equal(image?.id, one.id);
});

function lacks(program: string): string | false {
  return spawnSync(program, ['--help']).error === undefined ? false : `${program} is not installed`;
}
