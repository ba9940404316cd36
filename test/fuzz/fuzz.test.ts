import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFuzz } from './run.ts';

/** The same in each run; `npm run fuzz` does fifty times as many, each time others. */
const SEED = 20_260_101;
const REQUESTS = 2000;

test(`whatever is sent, the server answers with a Status, and an error changes nothing (seed ${SEED})`, {
  timeout: 120_000,
}, async () => {
  const { statuses, faults } = await runFuzz({ seed: SEED, requests: REQUESTS });
  assert.deepEqual(faults, []);
  const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total >= REQUESTS, `only ${total} requests were answered`);
  for (const status of [200, 201, 400, 404, 409, 415, 422])
    assert.ok(statuses.has(status), `no request was answered with ${status}`);
});
