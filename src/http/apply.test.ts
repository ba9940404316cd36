import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, type Fixture, startFixture } from './testing/fixture.ts';

interface Entry {
  readonly manager?: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1: unknown;
}

interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly managedFields?: readonly Entry[];
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly data?: Record<string, string>;
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

let api: Fixture;
before(async () => {
  api = await startFixture();
});
after(async () => {
  await api[Symbol.asyncDispose]();
});

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const TYPES = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
};

function patch(path: string, type: keyof typeof TYPES, body: unknown, agent = 'agent/1'): Promise<Answer> {
  return api.call('PATCH', path, { body, headers: { 'content-type': TYPES[type], 'user-agent': agent } });
}

function apply(path: string, manager: string, body: object, query = ''): Promise<Answer> {
  return patch(`${path}?fieldManager=${manager}${query}`, 'apply', body);
}

function map(name: string, data: Record<string, string | null>, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

function deployment(name: string, replicas?: number): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    },
  };
}

async function get(path: string): Promise<Stored> {
  return (await api.call('GET', path)).json<Stored>();
}

/** `manager operation apiVersion[/subresource]` and the fields. */
async function owners(path: string): Promise<Record<string, unknown>> {
  const { managedFields = [] } = (await get(path)).metadata;
  return Object.fromEntries(
    managedFields.map((entry) => {
      const below = entry.subresource === undefined ? '' : `/${entry.subresource}`;
      return [`${entry.manager ?? ''} ${entry.operation} ${entry.apiVersion}${below}`, entry.fieldsV1];
    }),
  );
}

const ok = (answer: Answer, status = 200): Answer => {
  assert.equal(answer.status, status, answer.text);
  return answer;
};

test('every writer gets an entry: by name, by user agent, per operation and subresource', async () => {
  const path = `${DEPLOYMENTS}/each`;
  const headers = { 'user-agent': 'kubectl/v1.36 (linux)' };
  ok(await api.call('POST', `${DEPLOYMENTS}?fieldManager=maker`, { body: deployment('each', 1) }), 201);
  const labels = { metadata: { labels: { a: 'b' } } };
  ok(await api.call('PATCH', path, { body: labels, headers: { ...headers, 'content-type': TYPES.merge } }));
  ok(await patch(`${path}/status`, 'merge', { status: { replicas: 1 } }, 'controller'));
  ok(await patch(`${path}/scale`, 'merge', { spec: { replicas: 3 } }, 'scaler'));
  const found = await owners(path);
  assert.deepEqual(Object.keys(found).sort(), [
    'controller Update apps/v1/status',
    'kubectl Update apps/v1',
    'maker Update apps/v1',
    'scaler Update apps/v1/scale',
  ]);
  assert.deepEqual(found['kubectl Update apps/v1'], { 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } });
  assert.deepEqual(found['controller Update apps/v1/status'], { 'f:status': { 'f:replicas': {} } });
  assert.deepEqual(found['scaler Update apps/v1/scale'], { 'f:spec': { 'f:replicas': {} } });
  const { 'f:spec': spec } = found['maker Update apps/v1'] as { 'f:spec': Record<string, unknown> };
  assert.equal('f:replicas' in spec, false);
});

test('scale is applied to what is scaled, and owned there', async () => {
  const path = `${DEPLOYMENTS}/scaled`;
  ok(await apply(path, 'owner', deployment('scaled', 1)), 201);
  const scale = (replicas: number) => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'scaled' },
    spec: { replicas },
  });
  const refused = await apply(`${path}/scale`, 'scaler', scale(2));
  assert.equal(refused.status, 409);
  assert.equal(refused.json().message, 'Apply failed with 1 conflict: conflict with "owner": .spec.replicas');
  ok(await apply(`${path}/scale`, 'scaler', scale(2), '&force=true'));
  const found = await owners(path);
  assert.deepEqual(found['scaler Apply apps/v1/scale'], { 'f:spec': { 'f:replicas': {} } });
  assert.equal((await get(path)).spec?.replicas, 2);
  const again = await apply(path, 'owner', deployment('scaled', 1));
  assert.equal(
    again.json().message,
    'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale": .spec.replicas',
  );
  ok(await apply(path, 'owner', deployment('scaled')));
  assert.equal((await get(path)).spec?.replicas, 2);
});

test('status and the rest are applied apart', async () => {
  const path = `${DEPLOYMENTS}/parts`;
  ok(await apply(path, 'a', { ...deployment('parts', 1), status: { replicas: 5 } }), 201);
  const stored = await get(path);
  assert.equal(stored.status?.replicas, undefined);
  const status = { ...deployment('parts', 7), status: { replicas: 5 } };
  ok(await apply(`${path}/status`, 'a', status));
  const after = await get(path);
  assert.deepEqual([after.spec?.replicas, after.status?.replicas], [1, 5]);
  const found = await owners(path);
  assert.deepEqual(found['a Apply apps/v1/status'], { 'f:status': { 'f:replicas': {} } });
  assert.equal('f:status' in (found['a Apply apps/v1'] as object), false);
  const other = { ...deployment('parts'), status: { replicas: 6 } };
  const refused = await apply(`${path}/status`, 'b', other);
  assert.equal(
    refused.json().message,
    'Apply failed with 1 conflict: conflict with "a" with subresource "status": .status.replicas',
  );
});

test('a conflict is a Status as client-go reads it', async () => {
  const path = `${MAPS}/conflict`;
  ok(await apply(path, 'one', map('conflict', { x: '1', y: '1' })), 201);
  const refused = await apply(path, 'two', map('conflict', { x: '2', y: '2' }));
  assert.deepEqual(refused.json(), {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.x\n- .data.y',
    reason: 'Conflict',
    details: {
      causes: ['.data.x', '.data.y'].map((field) => ({
        reason: 'FieldManagerConflict',
        message: 'conflict with "one"',
        field,
      })),
    },
    code: 409,
  });
  assert.deepEqual((await get(path)).data, { x: '1', y: '1' });
});

test('applying the same again writes nothing', async () => {
  const path = `${MAPS}/same`;
  ok(await apply(path, 'one', map('same', { x: '1' })), 201);
  const { metadata } = await get(path);
  const again = ok(await apply(path, 'one', map('same', { x: '1' }))).json<Stored>();
  assert.equal(again.metadata.resourceVersion, metadata.resourceVersion);
  assert.deepEqual(again.metadata.managedFields, metadata.managedFields);
});

test('owners are reset by an empty list or one empty entry, and not tracked until somebody applies', async () => {
  for (const [index, reset] of [[], [{}]].entries()) {
    const path = `${MAPS}/reset-${index}`;
    ok(await api.call('POST', MAPS, { body: map(`reset-${index}`, { x: '1' }) }), 201);
    ok(await patch(path, 'merge', { metadata: { managedFields: reset } }));
    assert.equal((await get(path)).metadata.managedFields, undefined);
    ok(await patch(path, 'merge', { data: { y: '1' } }));
    assert.equal((await get(path)).metadata.managedFields, undefined);
    ok(await apply(path, 'one', map(`reset-${index}`, { x: '1' })));
    assert.deepEqual(await owners(path), {
      'one Apply v1': { 'f:data': { 'f:x': {} } },
      'before-first-apply Update v1': { 'f:data': { '.': {}, 'f:x': {}, 'f:y': {} } },
    });
  }
});

test('a client may say who owns what; what it says wrong is passed over', async () => {
  const path = `${MAPS}/said`;
  ok(await api.call('POST', `${MAPS}?fieldManager=maker`, { body: map('said', { x: '1' }) }), 201);
  const before = await owners(path);
  const entry = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1' };
  for (const wrong of [
    [{ ...entry, operation: 'Delete', fieldsV1: {} }],
    [{ ...entry, apiVersion: '', fieldsV1: {} }],
    [{ ...entry, fieldsType: 'FieldsV2', fieldsV1: {} }],
    [{ ...entry, fieldsV1: { 'k:{': {} } }],
    [{ ...entry, fieldsV1: { 'f:data': 1 } }],
  ]) {
    ok(await patch(path, 'merge', { metadata: { managedFields: wrong } }));
    assert.deepEqual(await owners(path), before);
  }
  const tooLong = [{ ...entry, manager: 'x'.repeat(129), fieldsV1: { 'f:data': {} } }];
  const refused = await patch(path, 'merge', { metadata: { managedFields: tooLong } });
  assert.equal(refused.status, 422);
  assert.match(
    refused.text,
    /metadata\.managedFields\[0\]\.manager: Too long: may not be more than 128 bytes/,
  );
  const fieldsV1 = { 'f:data': { 'f:x': {} }, 'f:list': { 'k:{"b":1,"a":"x"}': { '.': {} } }, other: {} };
  ok(await patch(path, 'merge', { metadata: { managedFields: [{ ...entry, fieldsV1 }] } }));
  assert.deepEqual(await owners(path), {
    'm Update v1': { 'f:data': { 'f:x': {} }, 'f:list': { 'k:{"a":"x","b":1}': { '.': {} } } },
  });
});

test('what is applied and not there is created, where it can be meant', async () => {
  const refused = [
    [map('none', {}, { uid: 'x' }), 409, /uid mismatch/],
    [map('none', {}, { resourceVersion: '5' }), 409, /no existing object/],
    [map('none', {}, { managedFields: [] }), 400, /metadata\.managedFields must be nil/],
    [map('other', {}), 400, /does not match the name on the URL/],
    [{ ...map('none', {}), metadata: { generateName: 'x-' } }, 400, /name must be provided/],
    [{ ...map('none', {}), kind: 'Secret' }, 400, /invalid object type/],
    [{ ...map('none', {}), unknown: 1 }, 400, /\.unknown: field not declared in schema/],
    [map('none', { x: 1 as unknown as string }), 400, /\.data\.x: expected string/],
    [
      { ...map('none', {}), metadata: { name: 'none', finalizers: ['a/b', 'a/b'] } },
      400,
      /duplicate entries for key \[="a\/b"\]/,
    ],
  ] as const;
  for (const [body, status, message] of refused) {
    const answer = await apply(`${MAPS}/none`, 'one', body);
    assert.equal(answer.status, status, answer.text);
    assert.match(String(answer.json().message), message);
  }
  assert.equal((await api.call('GET', `${MAPS}/none`)).status, 404);
  ok(await apply(`${MAPS}/none`, 'one', map('none', { x: '1' }), '&dryRun=All'), 201);
  assert.equal((await api.call('GET', `${MAPS}/none`)).status, 404);
});

test('a revision or a uid in what is applied must be the current one', async () => {
  const path = `${MAPS}/pinned`;
  ok(await apply(path, 'one', map('pinned', { x: '1' })), 201);
  const { uid, resourceVersion } = (await get(path)).metadata;
  ok(await apply(path, 'one', map('pinned', { x: '2' }, { uid, resourceVersion })));
  assert.equal((await apply(path, 'one', map('pinned', { x: '3' }, { resourceVersion }))).status, 409);
  assert.equal((await apply(path, 'one', map('pinned', { x: '3' }, { uid: 'other' }))).status, 409);
  assert.deepEqual((await get(path)).data, { x: '2' });
});

test('what kubectl applied on its side becomes the server-side applier’s, unless it was changed since', async () => {
  const path = `${MAPS}/migrated`;
  const config = map('migrated', { x: '1', y: '1' });
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const object = map(
    'migrated',
    { x: '1', y: '1' },
    { annotations: { [annotation]: JSON.stringify(config) } },
  );
  ok(await api.call('POST', `${MAPS}?fieldManager=kubectl-client-side-apply`, { body: object }), 201);
  ok(await apply(path, 'kubectl', map('migrated', { x: '2', y: '1' })));
  const moved = await get(path);
  assert.deepEqual(moved.data, { x: '2', y: '1' });
  assert.deepEqual(
    JSON.parse(moved.metadata.annotations?.[annotation] ?? ''),
    map('migrated', { x: '2', y: '1' }),
  );
  ok(await patch(path, 'merge', { data: { y: '5' } }, 'somebody'));
  const refused = await apply(path, 'kubectl', map('migrated', { x: '3', y: '6' }));
  assert.equal(
    refused.json().message,
    'Apply failed with 1 conflict: conflict with "somebody" using v1: .data.y',
  );
  assert.equal((await apply(path, 'another', map('migrated', { x: '9' }))).status, 409);
});

test('two versions of a kind: fields are told apart in each', async () => {
  const v2 = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const v1 = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers';
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' }, maxReplicas: 5 };
  const object = (version: string, more: object) => ({
    apiVersion: `autoscaling/${version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h' },
    spec: { ...spec, ...more },
  });
  const metrics = [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
  ];
  ok(await apply(`${v2}/h`, 'one', object('v2', { metrics })), 201);
  const refused = await apply(`${v1}/h`, 'two', object('v1', { targetCPUUtilizationPercentage: 60 }));
  assert.equal(refused.status, 409, refused.text);
  assert.match(String(refused.json().message), /conflict with "one": \.spec\.metrics/);
  ok(await apply(`${v1}/h`, 'one', object('v1', { targetCPUUtilizationPercentage: 60 })));
  const stored = await get(`${v2}/h`);
  assert.deepEqual(Object.keys(await owners(`${v2}/h`)), ['one Apply autoscaling/v1']);
  assert.match(JSON.stringify(stored.spec), /"averageUtilization":60/);
});

test('who may patch and not create creates nothing by applying', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch', 'get'] }];
  const role = { kind: 'Role', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'p' }, rules };
  ok(await api.call('POST', `${rbac}/roles`, { body: role }), 201);
  const subjects = [{ kind: 'User', name: 'pat', apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = { kind: 'Role', name: 'p', apiGroup: 'rbac.authorization.k8s.io' };
  const binding = { ...role, kind: 'RoleBinding', rules: undefined, subjects, roleRef };
  ok(await api.call('POST', `${rbac}/rolebindings`, { body: binding }), 201);
  const { certificate, key } = await api.pki.issue({ user: 'pat', groups: [] });
  const as = { certificate, key };
  const headers = { 'content-type': TYPES.apply };
  const path = `${MAPS}/forbidden?fieldManager=pat`;
  const deadline = Date.now() + 5000;
  for (;;) {
    const answer = await api.call('PATCH', path, { body: map('forbidden', {}), headers, as });
    assert.equal(answer.status, 403, answer.text);
    if (/cannot create resource "configmaps"/.test(String(answer.json().message))) break;
    assert.ok(Date.now() < deadline, answer.text); // The role is followed, not read per request.
  }
});
