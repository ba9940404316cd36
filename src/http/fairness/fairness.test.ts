import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { after, before, test } from 'node:test';
import type { AdmissionPlugin } from '../../access/admission/admission.ts';
import type { Attributes } from '../../access/authz/authorizer.ts';
import type { LiveObjects, LiveView } from '../../access/live.ts';
import type { User } from '../../access/user.ts';
import type { ApiObject } from '../../api/kind.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { waitFor } from '../testing/wait-for.ts';
import { DEFAULT_LEVELS, DEFAULT_SCHEMAS } from './defaults.ts';
import { createFairness } from './fairness.ts';

const FLOW_CONTROL = '/apis/flowcontrol.apiserver.k8s.io/v1';

function user(name: string, ...groups: string[]): User {
  return { name, uid: '', groups: [...groups, 'system:authenticated'], extra: {} };
}

function asked(text: string): Attributes {
  const [verb = '', what = '', namespace = ''] = text.split(' ');
  if (what.startsWith('/')) return { kind: 'path', verb, path: what };
  const [qualified = '', subresource = ''] = what.split('/');
  const [resource = '', ...group] = qualified.split('.');
  return {
    kind: 'resource',
    verb,
    group: group.join('.'),
    version: 'v1',
    resource,
    subresource,
    namespace,
    name: '',
  };
}

/** Live objects of a test's own, given uids that are their names. */
function liveOf(objects: Record<string, readonly object[]>): LiveView {
  return {
    of: (resource): LiveObjects => ({
      version: 1,
      loaded: Promise.resolve(),
      values: () =>
        (objects[resource.split('.')[0] ?? ''] ?? []).map((one) => {
          const object = structuredClone(one) as ApiObject;
          object.metadata.uid = object.metadata.name;
          return object;
        }),
      get: () => undefined,
      listen: () => {},
    }),
  };
}

const TABLE: ReadonlyArray<[User, string, string, string]> = [
  [user('admin', 'system:masters'), 'create pods a', 'exempt', 'exempt'],
  [user('x'), 'get /healthz', 'probes', 'exempt'],
  [user('x'), 'get /api', 'global-default', 'global-default'],
  [
    user('system:kube-scheduler'),
    'update leases.coordination.k8s.io kube-system',
    'system-leader-election',
    'leader-election',
  ],
  [user('system:kube-scheduler'), 'list pods', 'kube-scheduler', 'workload-high'],
  [user('system:node:a', 'system:nodes'), 'patch nodes/status', 'system-node-high', 'node-high'],
  [
    user('system:node:a', 'system:nodes'),
    'update leases.coordination.k8s.io kube-node-lease',
    'system-node-high',
    'node-high',
  ],
  [user('system:node:a', 'system:nodes'), 'list pods', 'system-nodes', 'system'],
  [
    user('system:serviceaccount:kube-system:x', 'system:serviceaccounts'),
    'list pods',
    'kube-system-service-accounts',
    'workload-high',
  ],
  [
    user('system:serviceaccount:other:x', 'system:serviceaccounts'),
    'list pods',
    'service-accounts',
    'workload-low',
  ],
  [user('x'), 'list pods a', 'global-default', 'global-default'],
];
const fair = createFairness(
  liveOf({ flowschemas: DEFAULT_SCHEMAS, prioritylevelconfigurations: DEFAULT_LEVELS }),
);
for (const [who, what, schema, level] of TABLE)
  test(`${who.name} ${what} is of ${schema}`, () => {
    const flow = fair.classify(who, asked(what));
    assert.deepEqual([flow.schemaUid, flow.levelUid], [schema, level]);
    assert.equal(flow.isExempt, level === 'exempt');
  });

test('seats that others do not use are borrowed, those they do not lend are not', async () => {
  const small = createFairness(
    liveOf({ flowschemas: DEFAULT_SCHEMAS, prioritylevelconfigurations: DEFAULT_LEVELS }),
    { seats: 245 },
  );
  const stop = new AbortController();
  const { signal } = stop;
  const flow = small.classify(user('x'), asked('list pods'));
  let taken = 0;
  let seat = flow.enter(1, signal);
  for (; !(seat instanceof Promise); seat = flow.enter(1, signal)) taken += 1;
  // 20 of its own; lent are 10 of 30, 10 of 40, 20 of 40 and 90 of 100.
  assert.equal(taken, 20 + 130);
  const election = small.classify(user('system:kube-scheduler'), asked('get leases.coordination.k8s.io a'));
  for (let count = 0; count < 10; count++) assert.ok(!(election.enter(1, signal) instanceof Promise));
  stop.abort(new Error('over'));
  await assert.rejects(seat, /over/);
});

let fixture: Fixture;
const waiting: { name: string; go: () => void }[] = [];
const gate: AdmissionPlugin = {
  name: 'Gate',
  validate: async ({ object }) => {
    const { name } = object.metadata;
    if (!name.startsWith('gated')) return;
    await new Promise<void>((resolve) => waiting.push({ name, go: resolve }));
  },
};
before(async () => {
  fixture = await startFixture({ plugins: [gate], seats: 8 });
  for (const level of DEFAULT_LEVELS)
    assert.equal(
      (await fixture.call('POST', `${FLOW_CONTROL}/prioritylevelconfigurations`, { body: level })).status,
      201,
    );
  for (const schema of DEFAULT_SCHEMAS) {
    const made = await fixture.call('POST', `${FLOW_CONTROL}/flowschemas`, { body: schema });
    assert.equal(made.status, 201, made.text);
  }
});
after(() => fixture[Symbol.asyncDispose]());

test('one client in a loop does not starve another', { timeout: 30_000 }, async () => {
  const bind = await fixture.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    body: {
      metadata: { name: 'both' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: ['flood', 'quiet'].map((name) => ({
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'User',
        name,
      })),
    },
  });
  assert.equal(bind.status, 201, bind.text);
  await using flood = await client('flood');
  await using quiet = await client('quiet');
  const all = Array.from({ length: 200 }, (_, index) => flood.create(`gated-flood-${index}`));
  await waitFor(() => waiting.length > 0);
  const served: string[] = [];
  const release = async () => {
    await waitFor(() => waiting.length > 0);
    const next = waiting.shift();
    served.push(next?.name ?? '');
    next?.go();
  };
  for (let round = 0; round < 5; round++) {
    const before = served.length;
    const name = `gated-quiet-${round}`;
    const mine = quiet.create(name);
    await quiet.probe(); // Came after the other on the same connection: that one is in its queue now.
    while (!served.includes(name)) await release();
    const others = served.length - before - 1;
    assert.ok(others <= 2 * 8, `${others} requests of the other were served first`);
    assert.equal((await mine).status, 201);
  }
  let flooded = 0;
  void Promise.all(all).then(() => {
    flooded = all.length;
  });
  while (flooded < all.length) {
    if (waiting.length > 0) await release();
    else await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = await Promise.all(all);
  assert.ok(answers.every(({ status }) => status === 201 || status === 429));
  assert.ok(answers.some(({ status }) => status === 201));
  for (const { status, headers } of answers) if (status === 429) assert.equal(headers['retry-after'], '1');
});

test('each answer says its schema and level, and an administrator never waits', async () => {
  const schemas = await fixture.call('GET', `${FLOW_CONTROL}/flowschemas/exempt`);
  const levels = await fixture.call('GET', `${FLOW_CONTROL}/prioritylevelconfigurations/exempt`);
  const uidOf = ({ json }: { json: () => unknown }) => (json() as ApiObject).metadata.uid;
  assert.equal(schemas.headers['x-kubernetes-pf-flowschema-uid'], uidOf(schemas));
  assert.equal(schemas.headers['x-kubernetes-pf-prioritylevel-uid'], uidOf(levels));
});

test('what cannot be is refused', async () => {
  const level = (name: string, spec: object) =>
    fixture.call('POST', `${FLOW_CONTROL}/prioritylevelconfigurations`, {
      body: { metadata: { name }, spec },
    });
  assert.equal((await level('mine', { type: 'Exempt', exempt: {} })).status, 422);
  assert.equal((await level('mine', { type: 'Limited' })).status, 422);
  const huge = { queues: 10_000_000, handSize: 64, queueLengthLimit: 50 };
  const limited = { limitResponse: { type: 'Queue', queuing: huge } };
  assert.match((await level('mine', { type: 'Limited', limited })).text, /entropy/);
  const fine = await level('mine', {
    type: 'Limited',
    limited: { limitResponse: { type: 'Queue', queuing: {} } },
  });
  assert.equal(fine.status, 201, fine.text);
  const { spec } = fine.json<{ spec: { limited: { nominalConcurrencyShares: number } } }>();
  assert.equal(spec.limited.nominalConcurrencyShares, 30);
});

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** A user on one HTTP/2 connection. */
async function client(name: string) {
  const { certificate, key } = await fixture.pki.issue({ user: name, groups: [] });
  const session = connect(`https://127.0.0.1:${fixture.port}`, {
    ca: fixture.pki.caCertificate,
    cert: certificate,
    key,
  });
  return {
    create: async (object: string): Promise<Answered> => {
      const path = '/api/v1/namespaces/default/configmaps';
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/json',
      });
      stream.end(JSON.stringify({ metadata: { name: object } }));
      const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      stream.resume();
      return { status: Number(headers[':status']), headers };
    },
    probe: async () => {
      const stream = session.request({ ':path': '/healthz' });
      await once(stream, 'response');
      stream.resume();
    },
    [Symbol.asyncDispose]: async () => session.destroy(),
  };
}
