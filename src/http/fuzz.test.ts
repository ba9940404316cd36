import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { createProtobufCodec } from '../api/protobuf/codec.ts';
import { createPod, type Fixture, startFixture } from './testing/fixture.ts';
import { mutateBytes, mutateValue, Random } from './testing/mutate.ts';

/** Each run is the same for the same seed; AMPHORA_FUZZ_SEED and AMPHORA_FUZZ_MS make it another or a longer one. */
const SEED = Number(process.env.AMPHORA_FUZZ_SEED ?? 20_260_101);
const RUN_MS = Number(process.env.AMPHORA_FUZZ_MS ?? 5000);
/** Requests at once. */
const LANES = 8;
/** What a server may answer that is not the caller's fault: not implemented, and "wait". */
const DOCUMENTED = [501, 504];

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const codec = createProtobufCodec();
let fixture: Fixture;
let session: ClientHttp2Session;
before(async () => {
  fixture = await startFixture();
  await createPod(fixture.registry, 'web', 'box');
  for (const [path, body] of CREATED) await fixture.call('POST', path, { body });
  const { port, pki, admin } = fixture;
  session = connect(`https://127.0.0.1:${port}`, {
    ca: pki.caCertificate,
    cert: admin.certificate,
    key: admin.key,
  });
  session.on('error', () => {}); // Each request tells of it.
});
after(async () => {
  session.destroy();
  await fixture[Symbol.asyncDispose]();
});

const NS = '/api/v1/namespaces/default';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const template = {
  metadata: { labels: { app: 'x' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'app:1',
        env: [{ name: 'A', value: 'b' }],
        ports: [{ containerPort: 80, name: 'http' }],
        resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } },
        readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'a', path: 'b' }] } }],
    tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
  },
};
const map = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', labels: { a: 'b' } },
  data: { a: 'b' },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec: {
    type: 'NodePort',
    selector: { app: 'x' },
    ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
  },
};
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', annotations: { a: 'b' }, finalizers: ['x.io/y'] },
  spec: { replicas: 1, selector: { matchLabels: { app: 'x' } }, template },
};
const autoscaler = {
  apiVersion: 'autoscaling/v1',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'h' },
  spec: {
    maxReplicas: 3,
    targetCPUUtilizationPercentage: 80,
    scaleTargetRef: { kind: 'Deployment', name: 'd' },
  },
};
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Foo', plural: 'foos', shortNames: ['f'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a[?(@.b=="c")].d' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { a: { type: 'string', pattern: '^a+$' } } } },
          },
        },
      },
    ],
  },
};
const CREATED: readonly [string, object][] = [
  [`${NS}/configmaps`, map],
  [`${NS}/services`, service],
  ['/apis/apps/v1/namespaces/default/deployments', deployment],
  ['/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers', autoscaler],
  [CRDS, definition],
];
const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } } };
const conditions = { status: { conditions: [{ type: 'NamesAccepted', status: 'True' }] } };
const operations = [
  { op: 'test', path: '/data/a', value: 'b' },
  { op: 'copy', from: '/data', path: '/metadata/labels' },
];

type Seed = readonly [method: string, path: string, body: unknown, type?: string];

const JSON_TYPE = 'application/json';
const SEEDS: readonly Seed[] = [
  ...CREATED.map(([path, body]): Seed => ['POST', path, body]),
  ['POST', `${NS}/pods`, { metadata: { generateName: 'p-' }, spec: template.spec }],
  ['PUT', `${NS}/configmaps/m`, map],
  ['PUT', `${NS}/services/s`, service],
  ['PUT', `${NS}/pods/web/status`, { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] } }],
  ['PUT', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h', autoscaler],
  ['PATCH', `${NS}/configmaps/m`, map, 'application/merge-patch+json'],
  ['PATCH', `${NS}/configmaps/m?fieldManager=a&force=true`, map, 'application/apply-patch+yaml'],
  ['PATCH', `${NS}/configmaps/m`, operations, 'application/json-patch+json'],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d',
    deployment,
    'application/strategic-merge-patch+json',
  ],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d?fieldManager=b',
    deployment,
    'application/apply-patch+yaml',
  ],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d/scale',
    { spec: { replicas: 2 } },
    'application/merge-patch+json',
  ],
  ['PATCH', `${CRDS}/foos.example.com/status`, conditions, 'application/merge-patch+json'],
  ['PATCH', `${CRDS}/foos.example.com`, definition, 'application/merge-patch+json'],
  [
    'POST',
    '/apis/example.com/v1/namespaces/default/foos',
    { metadata: { generateName: 'f-' }, spec: { a: 'aaa' } },
  ],
  ['POST', `${NS}/pods/web/binding`, { target: { kind: 'Node', name: 'n' } }],
  ['POST', `${NS}/pods/web/eviction`, { deleteOptions: { dryRun: ['All'], preconditions: { uid: 'x' } } }],
  [
    'POST',
    `${NS}/serviceaccounts/default/token`,
    { spec: { audiences: ['a'], boundObjectRef: { kind: 'Pod', name: 'web' } } },
  ],
  ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review],
  ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'a.b.c', audiences: ['d'] } }],
  [
    'DELETE',
    `${NS}/configmaps/none`,
    { kind: 'DeleteOptions', gracePeriodSeconds: 1, propagationPolicy: 'Orphan' },
  ],
  ['GET', `${NS}/pods?labelSelector=a%3Db,c+in+(d,e)&fieldSelector=spec.nodeName%3Dbox&limit=2`, undefined],
  ['GET', `${NS}/pods?limit=1&resourceVersion=1&resourceVersionMatch=Exact&continue=abc`, undefined],
  ['GET', `${NS}/pods?watch=1&timeoutSeconds=1&resourceVersion=1&allowWatchBookmarks=true`, undefined],
  ['GET', '/apis/example.com/v1/foos?pretty=true', undefined],
  ['GET', '/openapi/v3/apis/example.com/v1', undefined],
];

interface Shot {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | undefined;
}

function shotOf(random: Random, [method, path, value, type = JSON_TYPE]: Seed): Shot {
  const headers: OutgoingHttpHeaders = { ':method': method, ':path': pathOf(random, path) };
  if (random.next() < 0.2) headers.accept = random.pick(ACCEPTED);
  if (value === undefined) return { headers, body: undefined };
  let changed = random.next() < 0.7 ? mutateValue(random, value) : value;
  while (random.next() < 0.3) changed = mutateValue(random, changed);
  const isPlain = type === JSON_TYPE;
  const form = isPlain ? random.pick([JSON_TYPE, JSON_TYPE, 'application/yaml', PROTOBUF]) : type;
  headers['content-type'] = random.next() < 0.02 ? 'text/\u0001x'.replace('\u0001', '') : form;
  const bytes = encode(form, changed, value);
  return { headers, body: random.next() < 0.3 ? mutateBytes(random, bytes) : bytes };
}

const ACCEPTED = [
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/yaml',
  PROTOBUF,
  'text/html',
  ';;;q=,',
];

function encode(form: string, changed: unknown, original: unknown): Buffer {
  if (form === 'application/yaml') return Buffer.from(stringify(changed) ?? '');
  // Only a sound object can be encoded; its bytes are what is changed then.
  if (form === PROTOBUF) {
    const { apiVersion = '', kind = '' } = original as { apiVersion?: string; kind?: string };
    return Buffer.from(codec.encode({ ...(original as object), apiVersion, kind }) ?? 'k8s\0');
  }
  return Buffer.from(JSON.stringify(changed) ?? '');
}

function pathOf(random: Random, path: string): string {
  if (random.next() < 0.8) return path;
  const text = mutateBytes(random, Buffer.from(path)).toString('latin1');
  return `/${text.replace(/^\/+/, '').replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character))}`;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send({ headers, body }: Shot): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.setTimeout(20_000, () => stream.destroy(new Error('no answer in 20 seconds')));
    stream.on('response', (got) => {
      status = Number(got[':status']);
      // A watch whose timeout was mutated away goes on until somebody ends it: that it began is its answer.
      if (status !== 200 || !/[?&]watch=/.test(String(headers[':path']))) return;
      stream.close(constants.NGHTTP2_CANCEL);
      resolve({ status, text: '' });
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve({ status, text: Buffer.concat(chunks).toString('utf8') }));
    if (body !== undefined) stream.end(body);
  });
}

test(`whatever is sent, the server answers with a Status and goes on (seed ${SEED})`, {
  timeout: RUN_MS + 60_000,
}, async () => {
  const end = Date.now() + RUN_MS;
  const seen = new Map<number, number>();
  const lane = async (number: number): Promise<void> => {
    const random = new Random(SEED + number);
    while (Date.now() < end) {
      const shot = shotOf(random, random.pick(SEEDS));
      const answer = await send(shot);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      checkAnswer(shot, answer);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(total > 100, `only ${total} requests were answered`);
  for (const status of [201, 400, 422]) assert.ok(seen.has(status), `no request was answered with ${status}`);
  const body = { metadata: { name: `after-${Date.now()}` } };
  assert.equal((await fixture.call('POST', `${NS}/configmaps`, { body })).status, 201);
  assert.equal(({} as { a?: unknown }).a, undefined, 'no prototype was changed');
});

function checkAnswer({ headers, body }: Shot, { status, text }: Answer): void {
  const told = `${headers[':method']} ${headers[':path']} ${headers['content-type']}\n${body?.toString('latin1').slice(0, 1500)}\n→ ${status} ${text.slice(0, 600)}`;
  assert.ok(status >= 200 && (status < 500 || DOCUMENTED.includes(status)), told);
  if (status < 400) return;
  const { kind, code } = JSON.parse(text) as { kind: string; code: number };
  assert.deepEqual({ kind, code }, { kind: 'Status', code: status }, told);
}
