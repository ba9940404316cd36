import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuditor } from '../access/audit/audit.ts';
import { readAuditPolicy } from '../access/audit/policy.ts';
import { systemClock } from '../lib/clock.ts';
import { startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

interface Event {
  readonly level: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly objectRef?: Record<string, string>;
  readonly responseStatus?: { readonly code: number; readonly reason?: string };
  readonly requestObject?: Record<string, unknown>;
  readonly responseObject?: { metadata?: { uid?: string } };
  readonly annotations?: Record<string, string>;
}

async function setUp(...rules: object[]) {
  const events: Event[] = [];
  const sink = { put: (event: object) => void events.push(event as Event), close: async () => {} };
  const policy = readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules });
  const fixture = await startFixture({ audit: createAuditor({ policy, sinks: [sink], clock: systemClock }) });
  return { fixture, events };
}

const MAPS = '/api/v1/namespaces/default/configmaps';

test('what was asked and answered is written down, and secrets are not', async () => {
  const { fixture, events } = await setUp({ level: 'RequestResponse', omitStages: ['RequestReceived'] });
  await using _ = fixture;
  await fixture.call('POST', MAPS, { body: { metadata: { name: 'a' }, data: { key: 'value' } } });
  const secret = { metadata: { name: 's' }, stringData: { password: 'hunter2' } };
  await fixture.call('POST', '/api/v1/namespaces/default/secrets', { body: secret });
  await waitFor(() => events.length === 2);
  const [made, hidden] = events;
  assert.deepEqual(
    [made?.stage, made?.verb, made?.user.username, made?.responseStatus],
    ['ResponseComplete', 'create', 'admin', { metadata: {}, code: 201 }],
  );
  assert.deepEqual(made?.objectRef, { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' });
  assert.deepEqual(made?.requestObject?.data, { key: 'value' });
  assert.ok(made?.responseObject?.metadata?.uid);
  assert.equal(made?.annotations?.['authorization.k8s.io/decision'], 'allow');
  assert.equal(hidden?.level, 'Metadata');
  assert.equal(JSON.stringify(hidden).includes('hunter2'), false);
});

test('refusals are written down: of credentials, of rights, with who was behind it', async () => {
  const { fixture, events } = await setUp({ level: 'Metadata', omitStages: ['RequestReceived'] });
  await using _ = fixture;
  await fixture.call('GET', `${MAPS}/x?pretty=1`, { headers: { 'impersonate-user': 'jane' } });
  await fixture.call('GET', MAPS, { as: null, headers: { authorization: 'Bearer nonsense' } });
  await waitFor(() => events.length === 2);
  const [forbidden, unknown] = events;
  assert.deepEqual(
    [forbidden?.user.username, forbidden?.impersonatedUser?.username, forbidden?.responseStatus?.code],
    ['admin', 'jane', 403],
  );
  assert.equal(forbidden?.requestURI, `${MAPS}/x?pretty=1`);
  assert.equal(forbidden?.annotations?.['authorization.k8s.io/decision'], 'forbid');
  assert.deepEqual([unknown?.responseStatus?.code, unknown?.responseStatus?.reason], [401, 'Unauthorized']);
  assert.equal(JSON.stringify(events).includes('nonsense'), false);
});

test('a watch is written down when it is received, begins and ends', async () => {
  const { fixture, events } = await setUp({
    level: 'Request',
    resources: [{ group: '', resources: ['configmaps'] }],
  });
  await using _ = fixture;
  await fixture.call('GET', `${MAPS}?watch=1&timeoutSeconds=1`);
  await waitFor(() => events.length === 3);
  assert.deepEqual(
    events.map(({ stage, verb }) => `${verb} ${stage}`),
    ['watch RequestReceived', 'watch ResponseStarted', 'watch ResponseComplete'],
  );
});
