import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { unpackTar } from './unpacker.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

test('the child that reads a layer is locked in', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-unpack-'));
  t.after(() => rm(folder, { recursive: true }));
  const source = new PassThrough();
  const stop = new AbortController();
  const config = { uid: 64_990, gid: 64_990 };
  const done = unpackTar(source, { directory: folder, isPlain: false, maxBytes: 1e6, config }, stop.signal);
  const pid = await lockedChild(folder, t.signal);
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  assert.match(status, /^Uid:\t64990\t64990\t64990\t64990$/m);
  assert.match(status, /^Groups:\t *$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  // CHOWN, DAC_OVERRIDE, FOWNER, FSETID and SETFCAP: bits 0, 1, 3, 4 and 31.
  assert.match(status, /^CapEff:\t000000008000001b$/m);
  assert.match(status, /^CapPrm:\t000000008000001b$/m);
  const others = await threads(pid);
  for (const thread of others) {
    const own = await readFile(`/proc/${pid}/task/${thread}/status`, 'utf8');
    assert.match(own, /^Uid:\t64990/m);
    if (thread !== pid) assert.match(own, /^CapPrm:\t0000000000000000$/m, `thread ${thread}`);
  }
  stop.abort(new Error('enough'));
  source.end();
  await assert.rejects(done, /enough/);
});

async function threads(pid: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  return readdir(`/proc/${pid}/task`);
}

/** Waits for the process whose root is `folder` and which is root no more. */
async function lockedChild(folder: string, signal: AbortSignal): Promise<string> {
  const { readdir, readlink } = await import('node:fs/promises');
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const root = await readlink(`/proc/${pid}/root`).catch(() => '');
      if (root !== folder) continue;
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      if (/^CapEff:\t000000008000001b$/m.test(status)) return pid;
    }
    await once(spawn('true'), 'exit');
  }
  throw new Error('no child locked itself in');
}
