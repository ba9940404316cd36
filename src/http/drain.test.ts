import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { AdmissionPlugin } from '../access/admission/admission.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

function credentials({ port, pki, admin }: Fixture) {
  return { host: '127.0.0.1', port, ca: pki.caCertificate, cert: admin.certificate, key: admin.key };
}

function http2(fixture: Fixture): ClientHttp2Session {
  return connect(`https://127.0.0.1:${fixture.port}`, credentials(fixture));
}

test('a server that closes lets requests finish and ends watches cleanly', { timeout: 20_000 }, async () => {
  let go = () => {};
  let isIn = false;
  const slow: AdmissionPlugin = {
    name: 'Slow',
    validate: async ({ object }) => {
      if (object.metadata.name !== 'slow') return;
      isIn = true;
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    },
  };
  const fixture = await startFixture({ plugins: [slow] });
  const session = http2(fixture);
  const goaways: number[] = [];
  session.on('goaway', (code) => goaways.push(code));
  const watch = session.request({ ':path': `${MAPS}?watch=1` });
  await once(watch, 'response');
  const watched = text(watch);
  // The path of old clients.
  const path = '/api/v1/watch/namespaces/default/configmaps';
  const old = request({ ...credentials(fixture), path, agent: false });
  old.end();
  const [oldAnswer] = await once(old, 'response');
  const oldWatched = text(oldAnswer);
  const create = session.request({ ':method': 'POST', ':path': MAPS, 'content-type': 'application/json' });
  create.end(JSON.stringify({ metadata: { name: 'slow' } }));
  const created = once(create, 'response');
  await waitFor(() => isIn);
  await fixture.call('POST', MAPS, { body: { metadata: { name: 'seen' } } });
  const closing = fixture.server.close();
  // Both streams end as if their time were up, with all they had; `text` fails on one that is cut.
  for (const stream of [await watched, await oldWatched])
    assert.equal(JSON.parse(stream).object.metadata.name, 'seen');
  assert.equal(watch.rstCode, 0);
  await waitFor(() => goaways.length > 0);
  assert.deepEqual([...new Set(goaways)], [0]);
  await assert.rejects(fixture.call('GET', '/version'), /ECONNREFUSED/);
  go();
  const [headers] = await created;
  assert.equal(headers[':status'], 201);
  assert.equal(JSON.parse(await text(create)).metadata.name, 'slow');
  await closing;
  assert.ok(session.destroyed || session.closed);
  await fixture[Symbol.asyncDispose]();
});

test('with a delay it says that it is not ready, and still serves', { timeout: 20_000 }, async () => {
  const fixture = await startFixture();
  assert.equal((await fixture.call('GET', '/readyz')).text, 'ok');
  const closing = fixture.server.close({ delayMs: 500 });
  const ready = await fixture.call('GET', '/readyz');
  assert.equal(ready.status, 500);
  assert.match(ready.text, /^\[\+\]ping ok\n\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/);
  assert.equal((await fixture.call('GET', '/livez')).status, 200);
  const answer = await fixture.call('GET', MAPS);
  assert.deepEqual([answer.status, answer.headers.connection], [200, 'close']);
  await closing;
  await fixture[Symbol.asyncDispose]();
});

test('health checks one by one, excluded and at length', async () => {
  await using fixture = await startFixture();
  const get = async (path: string) => {
    const { status, text: body } = await fixture.call('GET', path);
    return [status, body];
  };
  assert.deepEqual(await get('/livez?verbose'), [200, '[+]ping ok\nlivez check passed\n']);
  assert.deepEqual(await get('/readyz?verbose&exclude=ping'), [
    200,
    '[+]ping excluded: ok\n[+]shutdown ok\nreadyz check passed\n',
  ]);
  assert.deepEqual(await get('/healthz?verbose&exclude=etcd'), [
    200,
    '[+]ping ok\nwarn: some health checks cannot be excluded: no matches for "etcd"\nhealthz check passed\n',
  ]);
  assert.deepEqual(await get('/readyz/shutdown'), [200, 'ok']);
  assert.equal((await get('/readyz/none'))[0], 404);
  assert.equal((await get('/livez/shutdown'))[0], 404);
});
