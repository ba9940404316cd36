import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mkdirat, openat2, openInRoot, RESOLVE_BENEATH, symlinkat, utimensat } from './files.ts';
import { cstring } from './libc.ts';

test('system calls on files', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'amphora-syscalls-'));
  const directory = openSync(root, constants.O_RDONLY);
  t.after(() => {
    closeSync(directory);
    rmSync(root, { recursive: true });
  });

  await t.test('a directory is made, a link is made, times are set', () => {
    mkdirat(directory, 'a', 0o700);
    symlinkat('target', { directory, name: 'link' });
    utimensat({ directory, name: 'a' }, 1_500_000_000_000_000_000n);
    assert.equal(statSync(join(root, 'a')).mtimeMs, 1_500_000_000_000);
    assert.equal(readlinkSync(join(root, 'link')), 'target');
  });

  await t.test('no path leaves the root', () => {
    symlinkSync('/etc', join(root, 'out'));
    const flags = constants.O_RDONLY;
    assert.throws(() => openat2(directory, '../x', { flags, resolve: RESOLVE_BENEATH }), { code: 'EXDEV' });
    assert.throws(() => openInRoot(directory, 'out/passwd'), { code: 'ENOENT' });
    assert.throws(() => openInRoot(directory, '../../../etc/passwd'), { code: 'ENOENT' });
  });

  await t.test('a NUL in a path is an error and cuts nothing short', () => {
    assert.throws(() => cstring('a\0b'), { code: 'EINVAL' });
  });
});
