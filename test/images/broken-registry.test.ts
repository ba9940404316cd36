import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PullOptions } from '../../src/images/images.ts';
import { buildImage } from '../../src/images/oci-writer.ts';
import { fakeRegistry, serve } from './fake-registry.ts';
import { fixture } from './images-fixture.ts';

const IMAGE = await buildImage({
  layers: [[{ path: 'data', content: Buffer.alloc(300_000, 'layer') }], [{ path: 'b', content: 'b' }]],
});
const LAYER = [...IMAGE.blobs.keys()][0] ?? '';
const OPTIONS: PullOptions = { policy: 'Always', credentials: [] };

test('a pull whose connections break goes on where it was', async (t) => {
  let cuts = 0;
  const registry = await fakeRegistry(t, IMAGE, (request, response, content) => {
    if (!request.url?.includes(LAYER) || content === undefined || cuts === 3) return false;
    cuts++;
    const start = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
    const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': content.length - start, ...range });
    response.write(content.subarray(start, start + 70_000), () => response.socket?.destroySoon());
    return true;
  });
  const { state, images, signal } = await fixture(t);
  const image = await images.pull(`${registry.host}/app:1`, OPTIONS, signal);
  assert.equal(image.id, IMAGE.id);
  assert.deepEqual(image.digests, [`${registry.host}/app@${IMAGE.manifest.digest}`]);
  const resumed = registry.asked.filter((one) => one.includes(LAYER) && one.includes('bytes='));
  assert.ok(resumed.length >= 1, registry.asked.join('\n'));
  assert.deepEqual(await readFile(join(state, 'blobs/sha256', LAYER.slice(7))), IMAGE.blobs.get(LAYER));
  assert.deepEqual(await readdir(join(state, 'ingest')), []);
});

test('a registry without ranges is started over with', async (t) => {
  let isCut = false;
  const registry = await fakeRegistry(t, IMAGE, (request, response, content) => {
    if (!request.url?.includes(LAYER) || content === undefined) return false;
    delete request.headers.range;
    if (isCut) return false;
    isCut = true;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000), () => response.socket?.destroySoon());
    return true;
  });
  const { images, signal } = await fixture(t);
  assert.equal((await images.pull(`${registry.host}/app:1`, OPTIONS, signal)).id, IMAGE.id);
});

test('what an earlier process left is used if it is right and thrown away if not', async (t) => {
  const registry = await fakeRegistry(t, IMAGE);
  for (const [what, left] of Object.entries({
    right: IMAGE.blobs.get(LAYER)?.subarray(0, 1000) ?? Buffer.alloc(0),
    wrong: Buffer.alloc(1000, 'wrong'),
  })) {
    const { state, images, signal } = await fixture(t);
    await images.list();
    await writeFile(join(state, 'ingest', `${LAYER.slice(7)}.partial`), left);
    assert.equal((await images.pull(`${registry.host}/app:1`, OPTIONS, signal)).id, IMAGE.id, what);
    assert.ok(registry.asked.some((one) => one.includes(`${LAYER} bytes=1000-`)));
  }
});

test('content that is not what it should be is refused and nothing of it stays', async (t) => {
  for (const [what, wrong] of Object.entries({
    'wrong digest': (content: Buffer) => Buffer.alloc(content.length, 'x'),
    'too long': (content: Buffer) => Buffer.concat([content, Buffer.from('more')]),
  })) {
    const registry = await fakeRegistry(t, IMAGE, (request, response, content) => {
      if (!request.url?.includes(LAYER) || content === undefined) return false;
      serve(request, response, wrong(content));
      return true;
    });
    const { state, images, signal } = await fixture(t);
    await assert.rejects(images.pull(`${registry.host}/app:1`, OPTIONS, signal), { code: 'Corrupt' }, what);
    assert.deepEqual(await images.list(), []);
    assert.ok(!(await readdir(join(state, 'blobs/sha256'))).includes(LAYER.slice(7)));
    assert.ok(!(await readdir(join(state, 'ingest'))).some((name) => name.startsWith(LAYER.slice(7))));
  }
});

test('a layer that stays too short, and a registry that stays ill, are given up', async (t) => {
  const short = await fakeRegistry(t, IMAGE, (request, response, content) => {
    if (!request.url?.includes(LAYER) || content === undefined) return false;
    serve(request, response, content.subarray(0, content.length - 10));
    return true;
  });
  const ill = await fakeRegistry(t, IMAGE, (_request, response) => {
    response.writeHead(503).end();
    return true;
  });
  const { images, signal } = await fixture(t);
  for (const { host } of [short, ill]) {
    await assert.rejects(images.pull(`${host}/app:1`, OPTIONS, signal), { code: 'Unavailable' });
  }
  await assert.rejects(images.pull('127.0.0.1:1/app:1', OPTIONS, signal), {
    code: 'Unavailable',
    message: /cannot be reached/,
  });
});

test('a manifest that is not the one asked for is refused', async (t) => {
  const registry = await fakeRegistry(t, IMAGE, (request, response) => {
    if (!request.url?.includes('/manifests/')) return false;
    serve(request, response, Buffer.from('{"schemaVersion":2,"config":{},"layers":[]}'));
    return true;
  });
  const { images, signal } = await fixture(t);
  const reference = `${registry.host}/app@${IMAGE.manifest.digest}`;
  await assert.rejects(images.pull(reference, OPTIONS, signal), {
    code: 'Corrupt',
    message: /should be sha256/,
  });
});

test('an aborted pull ends at once', async (t) => {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const registry = await fakeRegistry(t, IMAGE, (request, response, content) => {
    if (!request.url?.includes(LAYER) || content === undefined) return false;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000), () => resolve());
    return true;
  });
  const { images } = await fixture(t);
  const stop = new AbortController();
  const pull = images.pull(`${registry.host}/app:1`, OPTIONS, stop.signal);
  await reached;
  stop.abort(new Error('no longer wanted'));
  await assert.rejects(pull, /no longer wanted/);
});

test('parallel pulls share their downloads', async (t) => {
  const registry = await fakeRegistry(t, IMAGE);
  const { images, signal } = await fixture(t);
  await Promise.all([1, 2, 3].map(() => images.pull(`${registry.host}/app:1`, OPTIONS, signal)));
  assert.equal(registry.asked.filter((one) => one.includes(LAYER)).length, 1);
});

test('tokens: credentials are tried in order, and a token that ran out is renewed', async (t) => {
  const tokens = new Set<string>();
  const users: string[] = [];
  let served = 0;
  const registry = await fakeRegistry(t, IMAGE, (request, response) => {
    if (request.url?.startsWith('/token')) {
      const basic = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64').toString();
      users.push(basic);
      assert.match(request.url, /service=fake/);
      assert.match(request.url, /scope=repository%3Aapp%3Apull/);
      if (basic !== 'good:secret') response.writeHead(401).end();
      else {
        const token = `t${users.length}`;
        tokens.add(`Bearer ${token}`);
        response.end(JSON.stringify({ token }));
      }
      return true;
    }
    if (tokens.has(request.headers.authorization ?? '')) {
      served++;
      if (served === 2) tokens.clear();
      return false;
    }
    const realm = `http://${request.headers.host}/token`;
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="fake"` }).end();
    return true;
  });
  const { images, signal } = await fixture(t);
  const credential = (username: string) => ({ registry: registry.host, username, password: 'secret' });
  const elsewhere = { registry: 'other.example', username: 'never', password: 'sent' };
  const credentials = [elsewhere, credential('bad'), credential('good')];
  assert.equal(
    (await images.pull(`${registry.host}/app:1`, { policy: 'Always', credentials }, signal)).id,
    IMAGE.id,
  );
  assert.deepEqual(users, ['bad:secret', 'good:secret', 'good:secret']);
  const refused = images.pull(
    `${registry.host}/app:1`,
    { policy: 'Always', credentials: [credential('bad')] },
    signal,
  );
  await assert.rejects(refused, { code: 'Unauthorized', message: /imagePullSecret/ });
});

test('credentials do not follow a redirect to another host', async (t) => {
  const sent: (string | undefined)[] = [];
  const storage = await fakeRegistry(t, IMAGE, (request) => {
    sent.push(request.headers.authorization);
    return false;
  });
  const registry = await fakeRegistry(t, IMAGE, (request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    }
    if (!request.url?.includes('/blobs/')) return false;
    response.writeHead(307, { location: `http://${storage.host}${request.url}` }).end();
    return true;
  });
  const { images, signal } = await fixture(t);
  const credentials = [{ registry: registry.host, username: 'u', password: 'p' }];
  await images.pull(`${registry.host}/app:1`, { policy: 'Always', credentials }, signal);
  assert.ok(sent.length >= 3);
  assert.deepEqual(new Set(sent), new Set([undefined]));
});

test('pull policies', async (t) => {
  const registry = await fakeRegistry(t, IMAGE);
  const { images, signal } = await fixture(t);
  const name = `${registry.host}/app:1`;
  await assert.rejects(images.pull(name, { policy: 'Never', credentials: [] }, signal), { code: 'NotFound' });
  await images.pull(name, { policy: 'IfNotPresent', credentials: [] }, signal);
  const count = registry.asked.length;
  await images.pull(name, { policy: 'IfNotPresent', credentials: [] }, signal);
  await images.pull(name, { policy: 'Never', credentials: [] }, signal);
  assert.equal(registry.asked.length, count, 'nothing more is asked');
  await images.pull(name, { policy: 'Always', credentials: [] }, signal);
  assert.equal(registry.asked.length, count + 1, 'only the manifest');
});
