import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../lib/limits.ts';
import { timeoutOf } from './deadline.ts';

const of = (text: string) => timeoutOf(new URLSearchParams({ timeout: text }));

test('the timeout of a client is taken as Go writes it, up to ours', () => {
  assert.equal(of('32s'), 32_000);
  assert.equal(of('1.5s'), 1500);
  assert.equal(of('1s500ms'), 1500);
  assert.equal(of('2h'), LIMITS.requestMs);
  for (const none of ['', '0', '0s']) assert.equal(of(none), undefined);
  for (const bad of ['x', '-1s', '10', '1s ', `${'1s'.repeat(40)}`])
    assert.throws(() => of(bad), /invalid timeout/);
});
