import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import type { Mount } from '../../src/engines/sandbox-spec.ts';
import type { Suite } from './engine.ts';

function mount(volume: string, destination: string, more: Partial<Mount> = {}): Mount {
  return { volume, destination, subPath: '', readOnly: false, propagation: 'private', ...more };
}

/** Volumes of each kind, and the ways out of them that must be shut. */
export function mountTests(suite: Suite): void {
  const { harness, box: make, needs } = suite;
  const folder = async (name: string): Promise<string> => {
    const path = join(harness.scratch, 'volumes', `${name}-${Math.random().toString(36).slice(2, 10)}`);
    await mkdir(path, { recursive: true });
    return path;
  };

  it('shares a scratch volume between containers', needs('mounts', 'sharedScratch'), async () => {
    const path = await folder('scratch');
    await using box = await make({
      containers: ['one', 'two'],
      volumes: { work: { kind: 'scratch', path, medium: 'disk' } },
    });
    await box.result('echo shared > /work/file', { name: 'one', mounts: [mount('work', '/work')] });
    const { out } = await box.result('cat /other/file', { name: 'two', mounts: [mount('work', '/other')] });
    assert.equal(out, 'shared\n');
  });

  it('shows files read-only', needs('mounts'), async () => {
    const path = await folder('files');
    await writeFile(join(path, 'key'), 'value\n');
    await using box = await make({ volumes: { config: { kind: 'files', path } } });
    const { code, out } = await box.result('cat /etc/config/key; echo no > /etc/config/key', {
      mounts: [mount('config', '/etc/config', { readOnly: true })],
    });
    assert.equal(out, 'value\n');
    assert.notEqual(code, 0);
    assert.equal(await readFile(join(path, 'key'), 'utf8'), 'value\n');
  });

  it('shares a directory live, and one path below it', needs('mounts'), async () => {
    const path = await folder('directory');
    await mkdir(join(path, 'a/b'), { recursive: true });
    await using box = await make({ volumes: { host: { kind: 'directory', path } } });
    const { out } = await box.result('echo up > /below/new; ls /all/a/b', {
      mounts: [mount('host', '/all'), mount('host', '/below', { subPath: 'a/b' })],
    });
    assert.equal(out, 'new\n');
    assert.equal(await readFile(join(path, 'a/b/new'), 'utf8'), 'up\n');
  });

  it('mounts a single file', needs('mounts'), async () => {
    const path = await folder('directory');
    await writeFile(join(path, 'one.txt'), 'one\n');
    await using box = await make({ volumes: { host: { kind: 'directory', path } } });
    const mounts = [mount('host', '/etc/one.txt', { subPath: 'one.txt', readOnly: true })];
    assert.equal((await box.result('cat /etc/one.txt', { mounts })).out, 'one\n');
  });

  it('refuses a sub path that leaves its volume', needs('mounts'), async () => {
    const path = await folder('escape');
    const secret = await folder('secret');
    await writeFile(join(secret, 'secret'), 'secret\n');
    await symlink(secret, join(path, 'link'));
    await symlink('../..', join(path, 'up'));
    await using box = await make({ volumes: { host: { kind: 'directory', path } } });
    let attempt = 0;
    for (const subPath of ['link', 'up', '../..', 'link/secret']) {
      await assert.rejects(
        box.sh('cat /mnt/secret /mnt', { attempt: attempt++, mounts: [mount('host', '/mnt', { subPath })] }),
        subPath,
      );
      assert.equal((await box.output('main', attempt - 1)).includes('secret'), false);
    }
  });
}
