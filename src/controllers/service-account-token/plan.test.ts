import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/types.generated.ts';
import { base64, planToken } from './plan.ts';

const account = { metadata: { name: 'bot', namespace: 'ci', uid: 'u1' } };
const full = { token: base64('x'), 'ca.crt': base64('CA'), namespace: base64('ci') };

function secret(data: Record<string, string> = {}, annotations: Record<string, string> = {}): Secret {
  return {
    type: 'kubernetes.io/service-account-token',
    metadata: { name: 's', namespace: 'ci', annotations },
    data,
  };
}
const known = { 'kubernetes.io/service-account.uid': 'u1' };

test('a new Secret gets everything, a full one nothing, one with an old authority the new one', () => {
  assert.deepEqual(planToken(secret(), account, 'CA'), {
    kind: 'fill',
    needsToken: true,
    data: { 'ca.crt': base64('CA'), namespace: base64('ci') },
    annotations: known,
  });
  assert.equal(planToken(secret(full, known), account, 'CA'), undefined);
  assert.deepEqual(planToken(secret(full, known), account, 'NEW'), {
    kind: 'fill',
    needsToken: false,
    data: { 'ca.crt': base64('NEW') },
    annotations: {},
  });
});

test('it goes with its account, and is not given to another of that name', () => {
  assert.deepEqual(planToken(secret(full, known), undefined, 'CA'), { kind: 'delete' });
  const other = { metadata: { ...account.metadata, uid: 'u2' } };
  assert.deepEqual(planToken(secret(full, known), other, 'CA'), { kind: 'delete' });
});

test('other Secrets are left alone', () => {
  assert.equal(planToken({ ...secret(), type: 'Opaque' }, undefined, 'CA'), undefined);
});
