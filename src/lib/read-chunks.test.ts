import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readChunks } from './read-chunks.ts';

test('an HTTP/2 answer that was wholly there before its reader is read', async () => {
  const server = createServer((request, response) => request.resume().once('end', () => response.end('all')));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ':method': 'POST' });
  stream.end('x');
  while (!stream.closed) await new Promise((resolve) => setImmediate(resolve));
  const chunks = await Array.fromAsync(readChunks(stream));
  assert.equal(Buffer.concat(chunks).toString(), 'all');
  session.close();
  server.close();
});

test('chunks come as they are written, and a failure is thrown', async () => {
  const stream = new PassThrough();
  const chunks = readChunks(stream);
  stream.write('one');
  assert.equal((await chunks.next()).value?.toString(), 'one');
  setImmediate(() => stream.destroy(new Error('broken')));
  await assert.rejects(chunks.next(), /broken/);
});

test('a stream destroyed before its end is no whole answer', async () => {
  const stream = new PassThrough();
  setImmediate(() => stream.destroy());
  await assert.rejects(Array.fromAsync(readChunks(stream)), /closed in the middle/);
});

test('who leaves early leaves the stream open', async () => {
  const stream = new PassThrough();
  stream.write('one');
  for await (const _ of readChunks(stream)) break;
  stream.write('two');
  stream.end();
  assert.equal(Buffer.concat(await Array.fromAsync(readChunks(stream))).toString(), 'two');
});
