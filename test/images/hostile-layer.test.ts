import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buildImage, type LayerEntry, ociLayout, packFiles, packTar } from '../../src/images/oci-writer.ts';
import { fixture, NEEDS_ROOT } from './images-fixture.ts';

/** Imports an image of these layers beside a file that nothing may touch, and unpacks it. */
async function unpack(t: TestContext, ...layers: (readonly LayerEntry[] | Buffer)[]): Promise<string> {
  const { folder, state, images, signal } = await fixture(t);
  const outside = join(folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'file'), 'untouched');
  const path = join(folder, 'a.tar');
  const image = await buildImage({ layers, compression: 'gzip' });
  await writeFile(path, await packFiles(ociLayout([{ name: 'hostile:1', image }])));
  await images.importArchive(path, {}, signal);
  try {
    const root = await images.prepare(image.id, 'layers', signal);
    return root.kind === 'layers' ? (root.directories[0] ?? '') : '';
  } catch (error) {
    assert.deepEqual(await readdir(join(state, 'layers')), [], 'nothing half made stays');
    throw error;
  } finally {
    assert.deepEqual(await readdir(outside), ['file']);
    assert.equal(await readFile(join(outside, 'file'), 'utf8'), 'untouched');
    assert.deepEqual((await readdir(folder)).sort(), ['a.tar', 'outside', 'state']);
  }
}

const REFUSED: Readonly<Record<string, { layer: readonly LayerEntry[]; code: string; message: RegExp }>> = {
  'a path that climbs out': {
    layer: [{ path: '../../outside/file', content: 'x' }],
    code: 'Corrupt',
    message: /leaves the root/,
  },
  'a path that climbs out from within': {
    layer: [{ path: 'a/../../../outside/new', content: 'x' }],
    code: 'Corrupt',
    message: /leaves the root/,
  },
  'a hard link out by ..': {
    layer: [{ path: 'l', type: 'link', target: '../../../outside/file' }],
    code: 'Corrupt',
    message: /leaves the root/,
  },
  'a hard link to an absolute path of the host': {
    layer: [{ path: 'l', type: 'link', target: '/proc/self/environ' }],
    code: 'Corrupt',
    message: /no file of this layer/,
  },
  'a hard link through a symbolic link': {
    layer: [
      { path: 's', type: 'symlink', target: '/proc/self/root/etc' },
      { path: 'l', type: 'link', target: 's/passwd' },
    ],
    code: 'Corrupt',
    message: /no file of this layer/,
  },
  'a file below a file': {
    layer: [
      { path: 'a', content: 'x' },
      { path: 'a/b', content: 'x' },
    ],
    code: 'Corrupt',
    message: /no directory/,
  },
  'a file below a link to nothing': {
    layer: [
      { path: 's', type: 'symlink', target: '../../outside' },
      { path: 's/new', content: 'x' },
    ],
    code: 'Corrupt',
    message: /link to nothing/,
  },
  'a full directory that becomes a file': {
    layer: [
      { path: 'd/x', content: 'x' },
      { path: 'd', content: 'x' },
    ],
    code: 'Corrupt',
    message: /something else/,
  },
  'a whiteout of ..': {
    layer: [{ path: 'a/.wh...', content: '' }],
    code: 'Corrupt',
    message: /hides nothing/,
  },
  'a depth beyond reason': {
    layer: [{ path: 'd/'.repeat(300), type: 'directory' }],
    code: 'TooLarge',
    message: /deeper/,
  },
  'a name longer than a file system has room for': {
    layer: [{ path: 'n'.repeat(300), content: '' }],
    code: 'Corrupt',
    message: /ENAMETOOLONG/,
  },
  'a sparse file': {
    layer: [{ path: 's', content: 'x', pax: { 'GNU.sparse.major': '1' } }],
    code: 'NotImplemented',
    message: /sparse/,
  },
};

for (const [what, { layer, code, message }] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, { skip: NEEDS_ROOT }, async (t) => {
    await assert.rejects(unpack(t, layer), { code, message });
  });
}

test('links lead nowhere but into the layer itself', { skip: NEEDS_ROOT }, async (t) => {
  const top = await unpack(t, [
    { path: 'outside', type: 'directory' },
    { path: 'up', type: 'symlink', target: '../../../../outside' },
    { path: 'up/new', content: 'inside' },
    { path: '/absolute/file', content: 'inside' },
    { path: 'file', type: 'symlink', target: '/outside/file' },
    { path: 'file', content: 'a second entry of this name' },
  ]);
  assert.equal(await readFile(join(top, 'outside/new'), 'utf8'), 'inside');
  assert.equal(await readFile(join(top, 'absolute/file'), 'utf8'), 'inside');
  assert.ok((await lstat(join(top, 'file'))).isFile());
});

test('device nodes are left out', { skip: NEEDS_ROOT }, async (t) => {
  const top = await unpack(t, [
    { path: 'dev/sda', type: 'block-device' },
    { path: 'dev/mem', type: 'character-device' },
    { path: 'dev/pipe', type: 'fifo' },
  ]);
  assert.deepEqual(await readdir(join(top, 'dev')), ['pipe']);
});

test('duplicates: the last entry counts, metadata too', { skip: NEEDS_ROOT }, async (t) => {
  const top = await unpack(t, [
    { path: 'd', type: 'directory', mode: 0o700 },
    { path: 'd/f', content: 'one' },
    { path: 'd', type: 'directory', mode: 0o711, uid: 9 },
    { path: 'd/f', content: 'two' },
    { path: 'e', type: 'directory' },
    { path: 'e', type: 'symlink', target: 'd' },
  ]);
  const directory = await stat(join(top, 'd'));
  assert.deepEqual([directory.uid, directory.mode & 0o777], [9, 0o711]);
  assert.equal(await readFile(join(top, 'e/f'), 'utf8'), 'two');
});

test('attributes that steer overlayfs are not taken over, others are', { skip: NEEDS_ROOT }, async (t) => {
  const { fgetxattr } = await import('../../src/lib/syscalls/files.ts');
  const { openSync, closeSync } = await import('node:fs');
  const top = await unpack(t, [
    {
      path: 'f',
      content: 'x',
      pax: {
        'SCHILY.xattr.trusted.overlay.redirect': '/etc',
        'SCHILY.xattr.user.overlay.opaque': 'y',
        'SCHILY.xattr.user.note': 'kept',
      },
    },
  ]);
  const file = openSync(join(top, 'f'), 'r');
  try {
    assert.equal(fgetxattr(file, 'trusted.overlay.redirect'), undefined);
    assert.equal(fgetxattr(file, 'user.overlay.opaque'), undefined);
    assert.equal(fgetxattr(file, 'user.note')?.toString(), 'kept');
  } finally {
    closeSync(file);
  }
});

test('file capabilities arrive byte for byte', { skip: NEEDS_ROOT }, async (t) => {
  const { fgetxattr } = await import('../../src/lib/syscalls/files.ts');
  const { openSync, closeSync } = await import('node:fs');
  const capability = Buffer.from('0100000280ff0000000000000000000000000000', 'hex');
  const record = paxRecord('SCHILY.xattr.security.capability', capability);
  const header = await packTar([{ path: 'pax', content: record }]);
  header[156] = 'x'.charCodeAt(0);
  const top = await unpack(
    t,
    Buffer.concat([fixChecksum(header).subarray(0, 1024), await packTar([{ path: 'f', content: 'x' }])]),
  );
  const file = openSync(join(top, 'f'), 'r');
  try {
    assert.deepEqual(fgetxattr(file, 'security.capability'), capability);
  } finally {
    closeSync(file);
  }
});

test('a decompression bomb is stopped', { skip: NEEDS_ROOT }, async (t) => {
  const bomb = [{ path: 'zeros', content: Buffer.alloc(100 * 1024 * 1024) }];
  await assert.rejects(unpack(t, bomb), { code: 'TooLarge', message: /bomb/ });
});

test('a size beyond the archive, and a truncated archive, are corrupt', { skip: NEEDS_ROOT }, async (t) => {
  const tar = await packTar([{ path: 'f', content: 'x'.repeat(4000) }]);
  const giant = Buffer.from(tar);
  giant.write('77777777777\0', 124, 'latin1');
  await assert.rejects(unpack(t, fixChecksum(giant)), { code: /Corrupt|TooLarge/ });
  await assert.rejects(unpack(t, tar.subarray(0, 2000)), { code: 'Corrupt', message: /middle of an entry/ });
});

test('a layer that is not what its image says is refused', { skip: NEEDS_ROOT }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const good = await buildImage({ layers: [[{ path: 'a', content: 'good' }]] });
  const other = await buildImage({ layers: [[{ path: 'a', content: 'evil' }]] });
  const config = `${good.id.slice(7)}.json`;
  const manifest = JSON.stringify([{ Config: config, RepoTags: ['x:1'], Layers: ['layer.tar'] }]);
  const files = new Map([
    ['manifest.json', Buffer.from(manifest)],
    [config, good.config],
    ['layer.tar', other.tars[0] ?? Buffer.alloc(0)],
  ]);
  await writeFile(join(folder, 'a.tar'), await packFiles(files));
  await images.importArchive(join(folder, 'a.tar'), {}, signal);
  await assert.rejects(images.prepare(good.id, 'layers', signal), {
    code: 'Corrupt',
    message: /the image says/,
  });
});

test('an archive whose files are links out of it is refused', { skip: NEEDS_ROOT }, async (t) => {
  const { folder, images, signal } = await fixture(t);
  const path = join(folder, 'a.tar');
  await writeFile(path, await packTar([{ path: 'index.json', type: 'symlink', target: '/etc/passwd' }]));
  await assert.rejects(images.importArchive(path, {}, signal), { code: 'BadRequest', message: /neither/ });
  await writeFile(path, await packTar([{ path: 'manifest.json', type: 'fifo' }]));
  await assert.rejects(images.importArchive(path, {}, signal), {
    code: 'Corrupt',
    message: /no regular file/,
  });
});

function paxRecord(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  const length = body.length + String(body.length + 2).length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Makes the first header of a tar valid again after it was changed. */
function fixChecksum(tar: Buffer): Buffer {
  tar.fill(0x20, 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}
