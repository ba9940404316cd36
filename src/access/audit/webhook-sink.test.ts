import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../lib/log.ts';
import { liveOf } from '../testing/live-of.ts';
import { createWebhookCaller } from '../webhooks/caller.ts';
import { webhookEndpoint } from '../webhooks/endpoint.ts';
import { createServiceLookup } from '../webhooks/service-lookup.ts';
import { startWebhook } from '../webhooks/testing/webhook-server.ts';
import { webhookSink } from './webhook-sink.ts';

test('events are posted together and in order, again after a failure', async () => {
  let failures = 2;
  const got: number[] = [];
  await using server = await startWebhook(({ body }, response) => {
    if (failures-- > 0) {
      response.writeHead(503).end();
      return undefined;
    }
    assert.equal(body.kind, 'EventList');
    got.push(...(body.items as { number: number }[]).map(({ number }) => number));
    return {};
  });
  const caller = createWebhookCaller(createServiceLookup(liveOf({})));
  const clock = { now: () => Date.now(), sleep: async () => {} };
  const sink = webhookSink({ caller, endpoint: webhookEndpoint(server), clock, log: silentLogger() });
  const numbers = Array.from({ length: 1000 }, (_, index) => index);
  for (const number of numbers) sink.put({ number });
  await sink.close();
  caller.close();
  assert.deepEqual(got, numbers);
  assert.ok(server.requests.length < 10, `${server.requests.length} calls`);
});
