import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allPlugins } from '../access/testing/plugins.ts';
import { type Answer, type Fixture, startFixture } from './testing/fixture.ts';
import { waitFor } from './testing/wait-for.ts';

type Json = Record<string, unknown>;

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';

async function must(answer: Promise<Answer>, status: number): Promise<Json> {
  const { status: got, text } = await answer;
  assert.equal(got, status, text);
  return JSON.parse(text) as Json; // A Status or the object.
}

async function start(): Promise<Fixture> {
  const fixture = await startFixture({ plugins: (live, access) => allPlugins(live, { access }) });
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await must(fixture.call('POST', '/api/v1/namespaces/default/serviceaccounts', { body }), 201);
  return fixture;
}

/** A policy on the creation of pods or ConfigMaps, with its binding. */
async function put(fixture: Fixture, name: string, spec: Json, bound: Json = {}): Promise<void> {
  const resourceRules = [
    { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods', 'configmaps'] },
  ];
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: { resourceRules },
      ...spec,
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, ...bound },
  };
  await must(fixture.call('POST', `${ADMISSION}/mutatingadmissionpolicies`, { body: policy }), 201);
  await must(fixture.call('POST', `${ADMISSION}/mutatingadmissionpolicybindings`, { body: binding }), 201);
  const live = fixture.live.of('mutatingadmissionpolicybindings.admissionregistration.k8s.io');
  await waitFor(() => live.get('', name) !== undefined);
}

const apply = (expression: string) => ({
  patchType: 'ApplyConfiguration',
  applyConfiguration: { expression },
});
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

function pod(name: string): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'example.com/app:1' }] },
  };
}

const createPod = (fixture: Fixture, name: string) => fixture.call('POST', PODS, { body: pod(name) });
const createMap = (fixture: Fixture, name: string, data: Json = {}) =>
  fixture.call('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data } });

const SIDECAR = `
  Object{
    spec: Object.spec{
      initContainers: [
        Object.spec.initContainers{
          name: "mesh-proxy",
          image: "mesh/proxy:v1.0.0",
          restartPolicy: "Always"
        }
      ]
    }
  }`;

test('a sidecar by an apply configuration, merged by name and defaulted', async () => {
  await using fixture = await start();
  await put(fixture, 'sidecar-policy.example.com', {
    matchConditions: [
      {
        name: 'does-not-already-have-sidecar',
        expression: `!has(object.spec.initContainers) || !object.spec.initContainers.exists(ic, ic.name == "mesh-proxy")`,
      },
    ],
    reinvocationPolicy: 'IfNeeded',
    mutations: [apply(SIDECAR)],
  });
  const made = await must(createPod(fixture, 'a'), 201);
  const { initContainers, containers } = made.spec as { initContainers: Json[]; containers: Json[] };
  assert.equal(initContainers.length, 1);
  assert.equal(initContainers[0]?.image, 'mesh/proxy:v1.0.0');
  assert.equal(initContainers[0]?.restartPolicy, 'Always');
  assert.equal(initContainers[0]?.terminationMessagePath, '/dev/termination-log');
  assert.deepEqual(
    containers.map(({ name }) => name),
    ['main'],
  );
});

test('a JSON patch with escaped keys, variables, objects and a test', async () => {
  await using fixture = await start();
  await put(fixture, 'labels', {
    variables: [{ name: 'team', expression: "namespaceObject.metadata.name + '-team'" }],
    mutations: [
      patch(`[
        JSONPatch{op: "add", path: "/metadata/labels", value: {"first": "1"}},
        JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/team"), value: variables.team}
      ]`),
      patch(`[
        JSONPatch{op: "test", path: "/metadata/labels/first", value: "other"},
        JSONPatch{op: "replace", path: "/metadata/labels/first", value: "never"}
      ]`),
      patch(`has(object.spec) && has(object.spec.containers)
        ? [JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "second", image: "example.com/two:1"}}]
        : []`),
    ],
  });
  const made = await must(createPod(fixture, 'a'), 201);
  assert.deepEqual((made.metadata as Json).labels, { first: '1', 'example.com/team': 'default-team' });
  assert.deepEqual(
    (made.spec as { containers: Json[] }).containers.map(({ name }) => name),
    ['main', 'second'],
  );
});

test('each mutation sees what the ones before made, and validation sees all', async () => {
  await using fixture = await start();
  await put(fixture, 'a-first', {
    mutations: [apply(`Object{data: {"n": "1"}}`), apply(`Object{data: {"n": object.data.n + "2"}}`)],
  });
  await put(fixture, 'b-second', {
    mutations: [patch(`[JSONPatch{op: "replace", path: "/data/n", value: object.data.n + "3"}]`)],
  });
  assert.equal(((await must(createMap(fixture, 'a', { k: 'v' }), 201)).data as Json).n, '123');
});

test('reinvocation: who asked for it sees what came after, once', async () => {
  await using fixture = await start();
  const count = `[JSONPatch{op: has(object.data) && "n" in object.data ? "replace" : "add", path: "/data/n", value: (has(object.data) && "n" in object.data ? object.data.n : "") + "a"}]`;
  await put(fixture, 'a-again', { reinvocationPolicy: 'IfNeeded', mutations: [patch(count)] });
  await put(fixture, 'b-once', { mutations: [patch(count.replace('"a"', '"b"'))] });
  assert.equal(((await must(createMap(fixture, 'a', { k: 'v' }), 201)).data as Json).n, 'aba');
});

const FAULTS: readonly (readonly [string, Json, RegExp])[] = [
  [
    'atomic lists',
    apply(`Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", args: ["x"]}]}}`),
    /error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: \.spec\.containers\[0\]\.args/,
  ],
  [
    'names of types that are not those of their fields',
    apply(`Object{spec: Object.metadata{}}`),
    /type mismatch: unexpected type name "Object\.metadata", expected "Object\.spec", which matches field name path from root Object type/,
  ],
  [
    'fields there are none of',
    apply(`Object{spec: Object.spec{nope: 1}}`),
    /failed to convert patch object to typed object: \.spec\.nope: field not declared in schema/,
  ],
  ['patches that do not apply', patch(`[JSONPatch{op: "remove", path: "/nope"}]`), /JSONPath: /],
  [
    'faults',
    patch(`[JSONPatch{op: "add", path: "/metadata/labels", value: object.nope}]`),
    /no such key: nope/,
  ],
  [
    'another name',
    apply(`Object{metadata: Object.metadata{name: "other"}}`),
    /metadata\.name: Invalid value: "other": field is immutable/,
  ],
];

for (const [what, mutation, words] of FAULTS)
  test(`${what} are refused, and the object is not made`, async () => {
    await using fixture = await start();
    await put(fixture, 'p', { mutations: [mutation] });
    const { status, text } = await createPod(fixture, 'a');
    assert.ok(status >= 400 && status < 500, text);
    const { message } = JSON.parse(text) as { message: string };
    assert.match(message, words);
    assert.match(message, /^policy 'p' with binding 'p' denied request: /);
    await must(fixture.call('GET', `${PODS}/a`), 404);
  });

test('with failurePolicy Ignore a fault changes nothing', async () => {
  await using fixture = await start();
  await put(fixture, 'p', {
    failurePolicy: 'Ignore',
    mutations: [patch(`[JSONPatch{op: "remove", path: "/nope"}]`)],
  });
  await must(createPod(fixture, 'a'), 201);
});

test('a parameter object for each mutation', async () => {
  await using fixture = await start();
  await must(createMap(fixture, 'team', { label: 'blue' }), 201);
  await put(
    fixture,
    'p',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      mutations: [apply(`Object{metadata: Object.metadata{labels: {"team": params.data.label}}}`)],
    },
    { paramRef: { name: 'team', parameterNotFoundAction: 'Deny' } },
  );
  const made = await must(createPod(fixture, 'a'), 201);
  assert.deepEqual((made.metadata as Json).labels, { team: 'blue' });
});
