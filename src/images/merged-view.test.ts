import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MergedView } from './merged-view.ts';
import { resolveUser } from './users.ts';

/** Layers, topmost first, of files; a value that begins with `->` is a link. */
async function view(
  t: TestContext,
  ...layers: readonly Readonly<Record<string, string>>[]
): Promise<MergedView> {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-view-'));
  t.after(() => rm(folder, { recursive: true }));
  const directories: string[] = [];
  for (const [index, files] of layers.entries()) {
    const directory = join(folder, String(index));
    await mkdir(directory);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      if (content.startsWith('->')) await symlink(content.slice(2), join(directory, path));
      else await writeFile(join(directory, path), content);
    }
    directories.push(directory);
  }
  return new MergedView(directories);
}

test('the topmost file counts, and links are followed through the layers', async (t) => {
  const merged = await view(
    t,
    { 'etc/passwd': 'top', 'etc/group': '->/nix/group', 'a/up': '->../../../../b' },
    { 'etc/passwd': 'bottom', 'nix/group': 'linked', b: 'clamped', 'etc/only': 'below', file: 'x' },
  );
  assert.equal(await merged.read('/etc/passwd'), 'top');
  assert.equal(await merged.read('/etc/group'), 'linked');
  assert.equal(await merged.read('/a/up'), 'clamped');
  assert.equal(await merged.read('/etc/only'), 'below');
  for (const path of ['/etc', '/nothing', '/file/x', '/'])
    assert.equal(await merged.read(path), undefined, path);
});

test('links lead to nothing of the host, and rings of links end', async (t) => {
  const merged = await view(t, {
    'etc/passwd': '->/../../../../../../etc/hostname',
    one: '->two',
    two: '->one',
  });
  assert.equal(await merged.read('/etc/passwd'), undefined);
  await assert.rejects(merged.read('/one'), { code: 'Corrupt' });
});

test('users and groups', async (t) => {
  const merged = await view(t, {
    'etc/passwd': 'root:x:0:0::/:\nwww:x:33:34::/:\nbroken line\n99:x:5:6::/:\nbig:x:99999999999:1::/:\n',
    'etc/group': 'root:x:0:\nwww:x:34:www\nlogs:x:50:www,root\n',
  });
  const cases: Readonly<Record<string, readonly [number, number, readonly number[]]>> = {
    '': [0, 0, [50]],
    www: [33, 34, [50]],
    '33': [33, 34, [50]],
    'www:logs': [33, 50, []],
    '1000': [1000, 0, []],
    '1000:1001': [1000, 1001, []],
    ':logs': [0, 50, []],
    '99': [5, 6, []],
  };
  for (const [text, [uid, gid, additionalGids]] of Object.entries(cases)) {
    assert.deepEqual(await resolveUser(merged, text), { uid, gid, additionalGids }, text);
  }
  for (const text of ['nobody', 'www:nothing', 'big', '99999999999', '-1']) {
    await assert.rejects(resolveUser(merged, text), { code: 'NotFound' }, text);
  }
  assert.deepEqual(await resolveUser(await view(t, {}), '7'), { uid: 7, gid: 0, additionalGids: [] });
});
