import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { createHttpClient } from './http-client.ts';
import { readKubeconfig, writeKubeconfig } from './kubeconfig.ts';

type Answer = (stream: ServerHttp2Stream, headers: Record<string, unknown>, body: string) => void;

async function serve(answer: Answer): Promise<{ server: Http2Server; url: string }> {
  const server = createServer();
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {}); // The client cancels watches.
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    answer(stream, headers, Buffer.concat(chunks).toString());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return { server, url: `http://127.0.0.1:${port}` };
}

const pods = { apiVersion: 'v1', resource: 'pods', namespace: 'default' };

test('requests carry path, query, token and body', async () => {
  const seen: unknown[] = [];
  const { server, url } = await serve((stream, headers, body) => {
    seen.push([headers[':method'], headers[':path'], headers.authorization, headers['content-type'], body]);
    stream.respond({ ':status': 200 });
    stream.end('{"kind":"Pod"}');
  });
  const client = createHttpClient({ server: url, token: 'secret', clock: systemClock });
  try {
    await client.list({ apiVersion: 'apps/v1', resource: 'deployments' }, { labelSelector: 'a=b', limit: 5 });
    await client.create(
      { ...pods, name: 'p', subresource: 'binding' },
      { target: { name: 'n' } },
      { dryRun: true },
    );
    await client.patch({ ...pods, name: 'p' }, { type: 'merge', body: { a: 1 } });
  } finally {
    await client.close();
    server.close();
  }
  const token = 'Bearer secret';
  assert.deepEqual(seen, [
    ['GET', '/apis/apps/v1/deployments?labelSelector=a%3Db&limit=5', token, undefined, ''],
    [
      'POST',
      '/api/v1/namespaces/default/pods/p/binding?dryRun=All',
      token,
      'application/json',
      '{"target":{"name":"n"}}',
    ],
    ['PATCH', '/api/v1/namespaces/default/pods/p', token, 'application/merge-patch+json', '{"a":1}'],
  ]);
});

test('a Status that says no is thrown as the error it was', async () => {
  const { server, url } = await serve((stream) => {
    stream.respond({ ':status': 409 });
    stream.end(
      JSON.stringify({
        kind: 'Status',
        code: 409,
        reason: 'AlreadyExists',
        message: 'pods "p" already exists',
        details: { name: 'p', kind: 'pods' },
      }),
    );
  });
  const client = createHttpClient({ server: url, clock: systemClock });
  await assert.rejects(client.create(pods, {}), {
    code: 'AlreadyExists',
    message: 'pods "p" already exists',
  });
  await client.close();
  server.close();
});

test('a watch streams lines; an error event is thrown', async () => {
  const { server, url } = await serve((stream) => {
    stream.respond({ ':status': 200 });
    stream.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"BOOKMARK","obj');
    stream.write('ect":{"metadata":{"resourceVersion":"7"}}}\n');
    stream.end('{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}\n');
  });
  const client = createHttpClient({ server: url, clock: systemClock });
  const events: unknown[] = [];
  const { signal } = new AbortController();
  await assert.rejects(
    async () => {
      for await (const event of client.watch(pods, { resourceVersion: '1' }, { signal })) events.push(event);
    },
    { code: 'Expired' },
  );
  assert.deepEqual(events, [
    { type: 'ADDED', object: { metadata: { name: 'a' } } },
    { type: 'BOOKMARK', resourceVersion: '7' },
  ]);
  await client.close();
  server.close();
});

test('an aborted watch ends quietly, and a server that is not there is Unavailable', async () => {
  const { server, url } = await serve((stream) => {
    stream.respond({ ':status': 200 });
    stream.write('{"type":"ADDED","object":{}}\n');
  });
  const client = createHttpClient({ server: url, clock: systemClock });
  const stop = new AbortController();
  for await (const _event of client.watch(pods, { resourceVersion: '1' }, { signal: stop.signal }))
    stop.abort();
  await client.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await assert.rejects(client.get({ ...pods, name: 'p' }), { code: 'Unavailable' });
});

test('a kubeconfig is read as it was written, and only its owner can read it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amphora-kubeconfig-'));
  const path = join(folder, 'config');
  const connection = { server: 'https://127.0.0.1:6443', ca: 'CA', cert: 'CERT', key: 'KEY' };
  await writeKubeconfig(path, connection);
  assert.deepEqual(await readKubeconfig(path), connection);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await assert.rejects(readKubeconfig(path, 'other'), { code: 'BadRequest' });
  await rm(folder, { recursive: true });
});
