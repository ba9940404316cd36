import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { isJsonObject, type JsonObject } from '../api/json.ts';
import { type ApiObject, apiVersionOf, type Kind, qualifiedResource } from '../api/kind.ts';
import { createKindTable } from '../api/kinds.ts';
import { createProtobufCodec } from '../api/protobuf/codec.ts';
import type { Schema } from '../api/schema.ts';
import { encodeObject } from '../registry/object-bytes.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type Fixture, startFixture } from './testing/fixture.ts';

const GOLDEN = new URL('../../../shared/testdata/kubernetes-api/v1.36.0/', import.meta.url);
const skip = existsSync(GOLDEN) ? false : 'the golden objects (../shared/testdata) are not here';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const codec = createProtobufCodec();

/** What the server sets itself, or refuses in what is created. */
const SERVERS_OWN = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generateName',
  'generation',
  'managedFields',
  'namespace',
  'resourceVersion',
  'selfLink',
  'uid',
];

const store = createMemoryStore();
let fixture: Fixture;
before(async () => {
  if (skip === false) fixture = await startFixture({ store });
});
after(() => fixture?.[Symbol.asyncDispose]());

/**
 * Kinds whose golden object is made. Those of others are refused, here and upstream (a volume with every source, an
 * address that is none): then the answer must be the same however it was sent, and what is stored is served as it is.
 */
const MADE: ReadonlySet<string> = new Set([
  'CSIDriver',
  'CSINode',
  'CSIStorageCapacity',
  'ConfigMap',
  'ControllerRevision',
  'IPAddress',
  'Lease',
  'Namespace',
  'Pod',
  'PodTemplate',
  'PriorityClass',
  'ResourceClaim',
  'ResourceClaimTemplate',
  'ResourceSlice',
  'Secret',
  'ServiceAccount',
  'ServiceCIDR',
  'StorageClass',
]);

/** What validation must refuse in a golden object, or the server sets, mended; by kind. Enums are mended for all. */
const MENDED: Readonly<Record<string, (object: ApiObject) => void>> = {
  Namespace: (namespace) => {
    namespace.spec = { finalizers: ['kubernetes'] };
  },
  // It is for writing only.
  Secret: (secret) => void delete secret.stringData,
  Pod: (pod) => mendPodSpec(pod.spec),
  CronJob: (job) => mendTemplate((job.spec as { jobTemplate: { spec: JsonObject } }).jobTemplate.spec),
  ...Object.fromEntries(
    ['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet'].map((kind) => [
      kind,
      (object: ApiObject) => mendTemplate(object.spec as JsonObject),
    ]),
  ),
};

function mendTemplate(spec: JsonObject): void {
  mendPodSpec((spec.template as { spec: JsonObject }).spec);
}

/**
 * What is checked of pods by more than their schema; PodTemplate takes the same specification as it is, with
 * everything that is taken out here.
 */
function mendPodSpec(value: unknown): void {
  const spec = value as JsonObject;
  // A volume has one source; the golden one has all.
  spec.volumes = (spec.volumes as JsonObject[]).flatMap(({ name: _name, ...sources }) =>
    Object.entries(sources).map(([type, source]) => ({ name: type.toLowerCase(), [type]: source })),
  );
  for (const volume of spec.volumes as JsonObject[])
    if (isJsonObject(volume.emptyDir)) volume.emptyDir.medium = 'Memory';
  const [container] = spec.containers as JsonObject[];
  const { command, args, workingDir, securityContext, imagePullPolicy } = container ?? {};
  spec.containers = [
    { name: 'main', image: 'app', command, args, workingDir, securityContext, imagePullPolicy },
  ];
  spec.initContainers = [{ name: 'init', image: 'app' }];
  // What these say is checked more closely than the golden object's words stand.
  for (const field of [
    'affinity',
    'dnsConfig',
    'ephemeralContainers',
    'hostAliases',
    'nodeSelector',
    'readinessGates',
    'schedulingGates',
    'securityContext',
    'topologySpreadConstraints',
  ])
    delete spec[field];
  for (const field of ['hostname', 'subdomain', 'nodeName', 'runtimeClassName', 'priorityClassName'])
    spec[field] = String(spec[field]).toLowerCase();
  spec.serviceAccountName = 'account';
  spec.serviceAccount = 'account';
  spec.tolerations = [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 5 }];
  spec.shareProcessNamespace = false;
  spec.restartPolicy = 'Always';
}

/** Enums get their first value, since the golden objects hold `protocolValue` and the like. */
function withEnums(schema: Schema, value: unknown): unknown {
  if (schema.type === 'string' && typeof value === 'string')
    return schema.enum === undefined || schema.enum.includes(value) ? value : schema.enum[0];
  if (schema.type === 'array' && Array.isArray(value))
    return value.map((item) => withEnums(schema.items, item));
  if (!isJsonObject(value) || (schema.type !== 'object' && schema.type !== 'map')) return value;
  const inner = (key: string) => (schema.type === 'map' ? schema.values : schema.fields[key]?.schema);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const known = inner(key);
      return [key, known === undefined ? member : withEnums(known, member)];
    }),
  );
}

function golden(kind: Kind): ApiObject | undefined {
  const group = kind.group === '' ? 'core' : kind.group;
  const file = new URL(`${group}.${kind.version}.${kind.kind}.json`, GOLDEN);
  if (!existsSync(file)) return undefined;
  const object = withEnums(kind.schema, JSON.parse(readFileSync(file, 'utf8'))) as ApiObject;
  const { metadata } = object;
  metadata.name = `golden-${kind.group === '' ? 'core' : kind.group.split('.')[0]}-${kind.version}`;
  for (const field of SERVERS_OWN) delete metadata[field as 'uid'];
  MENDED[kind.kind]?.(object);
  return object;
}

function pathOf(kind: Kind): string {
  const root = kind.group === '' ? '/api' : '/apis';
  return `${root}/${apiVersionOf(kind)}${kind.namespaced ? '/namespaces/default' : ''}/${kind.resource}`;
}

const ENCODED: Readonly<Record<string, (object: ApiObject) => string | Buffer>> = {
  'application/json': (object) => JSON.stringify(object),
  'application/yaml': (object) => stringify(object),
  [PROTOBUF]: (object) => Buffer.from(codec.encode(object) ?? []),
};

async function roundTrip(kind: Kind, type: string): Promise<unknown> {
  const object = golden(kind);
  assert.ok(object !== undefined);
  const path = pathOf(kind);
  const headers = { 'content-type': type };
  const body = ENCODED[type]?.(object);
  const made = await fixture.call('POST', `${path}?fieldValidation=Strict`, { body, headers });
  assert.ok(made.status === 201 || (made.status === 422 && !MADE.has(kind.kind)), made.text.slice(0, 2000));
  if (made.status === 422) {
    const { details } = made.json<{ details: { causes: { field: string; reason: string }[] } }>();
    return details.causes.map(({ field, reason }) => `${field}: ${reason}`).sort();
  }
  const at = `${path}/${object.metadata.name}`;
  if (object.status !== undefined && kind.subresources.some(({ name }) => name === 'status')) {
    const written = await fixture.call('PUT', `${at}/status`, { body: ENCODED[type]?.(object), headers });
    assert.equal(written.status, 200, written.text.slice(0, 2000));
  }
  const read = (await fixture.call('GET', at)).json() as ApiObject;
  assertIncludes(read, object, kind.kind);
  const binary = await fixture.call('GET', at, { headers: { accept: PROTOBUF } });
  assert.equal(binary.status, 200, binary.text.slice(0, 500));
  assert.deepEqual(codec.decode(binary.bytes), withoutEmptyResources(read));
  await remove(at);
  return comparable(read);
}

/** As upstream wrote it, into the store: what cannot be made must be served all the same. */
async function servedAsStored(kind: Kind): Promise<void> {
  const group = kind.group === '' ? 'core' : kind.group;
  const object = JSON.parse(
    readFileSync(new URL(`${group}.${kind.version}.${kind.kind}.json`, GOLDEN), 'utf8'),
  );
  const { metadata } = object as ApiObject;
  Object.assign(metadata, { name: 'as-stored', namespace: kind.namespaced ? 'default' : undefined });
  const { selfLink: _link, ...kept } = metadata as ApiObject['metadata'] & { selfLink?: string };
  object.metadata = kept;
  const key = {
    resource: qualifiedResource(kind),
    namespace: kind.namespaced ? 'default' : '',
    name: 'as-stored',
  };
  const { revision } = await store.commit([{ key, bytes: encodeObject(object) }], AbortSignal.timeout(5000));
  const wanted = JSON.parse(JSON.stringify(object));
  wanted.metadata.resourceVersion = String(revision);
  const at = `${pathOf(kind)}/as-stored`;
  const get = (accept: string) => fixture.call('GET', at, { headers: { accept } });
  assert.deepEqual((await get('application/json')).json(), wanted);
  assert.deepEqual(parse((await get('application/yaml')).text), wanted);
  assert.deepEqual(codec.decode((await get(PROTOBUF)).bytes), wanted);
  const list = await fixture.call('GET', pathOf(kind), { headers: { accept: PROTOBUF } });
  const { items } = codec.decode(list.bytes) as unknown as { items: ApiObject[] };
  const found = items.find((item) => item.metadata.name === 'as-stored');
  // In a list of protobuf nothing says what its items are.
  assert.deepEqual({ apiVersion: wanted.apiVersion, kind: wanted.kind, ...found }, wanted);
  await store.commit([{ key }], AbortSignal.timeout(5000));
}

/** In protobuf a container's `resources` is a value, not a pointer: empty and missing are the same. */
function withoutEmptyResources(object: ApiObject): unknown {
  const text = JSON.stringify(object, (key, value) =>
    key === 'resources' && isJsonObject(value) && Object.keys(value).length === 0 ? undefined : value,
  );
  return JSON.parse(text);
}

/** Deletes it whatever holds it: finalizers are part of a golden object. */
async function remove(path: string): Promise<void> {
  await fixture.call('DELETE', `${path}?gracePeriodSeconds=0`);
  const headers = { 'content-type': 'application/merge-patch+json' };
  await fixture.call('PATCH', path, { body: { metadata: { finalizers: null } }, headers });
  const left = await fixture.call('GET', path);
  if (left.status !== 200) return;
  const namespace = left.json() as ApiObject;
  await fixture.call('PUT', `${path}/finalize`, { body: { ...namespace, spec: { finalizers: [] } } });
}

/** Every field that was sent is there with the same value; defaults may stand beside them. */
function assertIncludes(actual: unknown, sent: unknown, path: string): void {
  if (isJsonObject(sent)) {
    assert.ok(isJsonObject(actual), `${path} is an object`);
    for (const [key, value] of Object.entries(sent)) assertIncludes(actual[key], value, `${path}.${key}`);
  } else if (Array.isArray(sent)) {
    assert.ok(Array.isArray(actual), `${path} is a list`);
    for (const [index, item] of sent.entries()) assertIncludes(actual[index], item, `${path}[${index}]`);
  } else assert.deepEqual(actual, sent, path);
}

/** Without what differs between two objects that were made from the same body. */
function comparable({ metadata, ...rest }: ApiObject): unknown {
  const kept = Object.entries(metadata).filter(([key]) => !SERVERS_OWN.includes(key));
  const whole = { ...rest, metadata: { ...Object.fromEntries(kept), name: metadata.name } };
  return withoutEmptyResources(whole as ApiObject);
}

const served =
  skip === false
    ? createKindTable()
        .all()
        .filter((kind) => kind.verbs.includes('create') && kind.verbs.includes('get'))
        .filter((kind) => golden(kind) !== undefined)
    : [];

test('the golden objects', { skip }, () => assert.ok(served.length >= 55, String(served.length)));

for (const kind of served)
  test(`${apiVersionOf(kind)} ${kind.kind} comes back as it was sent, as JSON, YAML and protobuf`, async () => {
    const json = await roundTrip(kind, 'application/json');
    assert.deepEqual(await roundTrip(kind, 'application/yaml'), json);
    assert.deepEqual(await roundTrip(kind, PROTOBUF), json);
  });

for (const kind of served.filter(
  ({ version, storageVersion, storageGroup }) => version === storageVersion && storageGroup === undefined,
))
  test(`${apiVersionOf(kind)} ${kind.kind} is served as it is stored, as JSON, YAML and protobuf`, () =>
    servedAsStored(kind));
