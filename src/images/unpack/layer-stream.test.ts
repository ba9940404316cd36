import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { sha256 } from '../blob-store.ts';
import { openLayer } from './layer-stream.ts';

const SKIPPABLE = Buffer.from('502a4d1804000000deadbeef', 'hex');

async function decompress(t: TestContext, data: Buffer): Promise<{ text: string; digest: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-layer-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'blob'), data);
  const layer = await openLayer(join(folder, 'blob'));
  const chunks: Buffer[] = [];
  for await (const chunk of layer.stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { text: Buffer.concat(chunks).toString(), digest: layer.digest() };
}

test('a layer is decompressed by what it is, in all its parts', async (t) => {
  const long = 'a'.repeat(1_000_000);
  for (const [what, data] of Object.entries({
    plain: Buffer.from(`${long}b`),
    gzip: Buffer.concat([gzipSync(long), gzipSync('b')]),
    zstd: Buffer.concat([zstdCompressSync(long), SKIPPABLE, zstdCompressSync('b')]),
  })) {
    const { text, digest } = await decompress(t, data);
    assert.equal(text, `${long}b`, what);
    assert.equal(digest, sha256(`${long}b`), what);
  }
  assert.equal((await decompress(t, Buffer.alloc(0))).text, '');
});

test('what cannot be decompressed is an error', async (t) => {
  await assert.rejects(decompress(t, gzipSync('x'.repeat(1000)).subarray(0, 20)));
  await assert.rejects(decompress(t, zstdCompressSync('x'.repeat(1000)).subarray(0, 12)));
  await assert.rejects(decompress(t, Buffer.concat([zstdCompressSync('x'), Buffer.from('rubbish')])));
});
