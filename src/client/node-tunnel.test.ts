import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture } from '../http/testing/fixture.ts';
import { waitFor } from '../http/testing/wait-for.ts';
import { silentLogger } from '../lib/log.ts';
import { serveTunnel } from './node-tunnel.ts';

const PING_MS = 40;
const SILENCE_MS = 3 * PING_MS;

test('a tunnel on which only pings go to and fro stays open', { timeout: 10_000 }, async () => {
  await using fixture = await startFixture({ pingMs: PING_MS });
  const identity = await fixture.pki.issue({ user: 'system:node:box', groups: ['system:nodes'] });
  const stop = new AbortController();
  let calls = 0;
  let isAborted = false;
  const tunnel = serveTunnel({
    server: `https://127.0.0.1:${fixture.port}`,
    tls: () => ({ ca: fixture.pki.caCertificate, ...identity }),
    nodeName: 'box',
    handlers: {
      '/v1/quiet': async ({ accept, signal }) => {
        calls += 1;
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        accept();
      },
    },
    signal: stop.signal,
    log: silentLogger(),
    silenceMs: SILENCE_MS,
  });
  await waitFor(() => fixture.nodes.connected().includes('box'));
  const stream = await fixture.nodes.open('box', '/v1/quiet', { request: {}, signal: stop.signal });
  const since = performance.now();
  // Time itself is what is tested: several times the silence that would end a tunnel without pings.
  await waitFor(() => performance.now() - since > 4 * SILENCE_MS || isAborted);
  assert.deepEqual(
    { calls, isAborted, isDestroyed: stream.destroyed },
    { calls: 1, isAborted: false, isDestroyed: false },
  );
  stream.on('error', () => {});
  stop.abort();
  await tunnel;
});
