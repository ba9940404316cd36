import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { LIMITS } from '../../lib/limits.ts';
import { rotateLog } from './log-files.ts';
import { copyLog, type LogOptions } from './logs.ts';

const line = (content: string) => `2026-01-01T00:00:00.000000000Z stdout F ${content}\n`;

async function setUp(context: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'amphora-logs-'));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, '0.log');
  const rotate = () => rotateLog(path, () => writeFile(path, ''));
  const read = async (options: Partial<LogOptions>, ended = true) => {
    const output = new PassThrough();
    const to = { output, ended: async () => ended, signal: new AbortController().signal };
    const copied = copyLog(path, { follow: false, timestamps: false, ...options }, to);
    void copied.then(() => output.end());
    return await text(output);
  };
  return { directory, path, rotate, read };
}

test('a small log stays, a large one makes place, and the oldest goes', async (context) => {
  const { directory, path, rotate } = await setUp(context);
  await writeFile(path, line('small'));
  await rotate();
  assert.deepEqual(await readdir(directory), ['0.log']);
  for (let round = 0; round < 4; round += 1) {
    await writeFile(path, Buffer.alloc(LIMITS.logFileBytes));
    await rotate();
  }
  assert.deepEqual((await readdir(directory)).sort(), ['0.log', '0.log.1', '0.log.2']);
});

test('a writer that a crash kept at the old file is told again', async (context) => {
  const { directory, path, rotate } = await setUp(context);
  await writeFile(`${path}.1`, line('old'));
  await rotate();
  assert.deepEqual((await readdir(directory)).sort(), ['0.log', '0.log.1']);
});

test('all files are one log, whole or from the end', async (context) => {
  const { path, read } = await setUp(context);
  await writeFile(`${path}.2`, line('a') + line('b'));
  await writeFile(`${path}.1`, line('c'));
  await writeFile(path, line('d') + line('e'));
  assert.equal(await read({}), 'a\nb\nc\nd\ne\n');
  assert.equal(await read({ tailLines: 1 }), 'e\n');
  assert.equal(await read({ tailLines: 2 }), 'd\ne\n');
  assert.equal(await read({ tailLines: 4 }), 'b\nc\nd\ne\n');
  assert.equal(await read({ tailLines: 9 }), 'a\nb\nc\nd\ne\n');
  assert.equal(await read({ tailLines: 0 }), '');
});

test('following goes on in the next file and misses nothing in between', async (context) => {
  const { path } = await setUp(context);
  await writeFile(path, line('before'));
  const output = new PassThrough();
  let ended = false;
  const to = { output, ended: async () => ended, signal: AbortSignal.timeout(10_000) };
  const copied = copyLog(path, { follow: true, timestamps: false }, to).then(() => output.end());
  let seen = '';
  output.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  const sees = async (wanted: string) => {
    while (seen !== wanted) await systemClock.sleep(5, to.signal);
  };
  await sees('before\n');
  await rotateLog(path, async () => {});
  const large = line('x'.repeat(LIMITS.logFileBytes));
  await appendFile(path, large);
  await sees(`before\n${'x'.repeat(LIMITS.logFileBytes)}\n`);
  seen = '';
  await rotateLog(path, async () => {
    await appendFile(`${path}.1`, line('late'));
    await writeFile(path, line('after'));
  });
  await sees('late\nafter\n');
  ended = true;
  await copied;
});
